#include "cli.h"

int main(int argc, char **argv)
{
    return asc__cli_main(argc, argv);
}
