/*
 * What a mixture says, and the same as a trainer reads it.
 *
 *     ./read_mixture mixture.json            shares and tokens
 *     ./read_mixture mixture.json megatron   as that trainer reads it
 */
#include <autoscale/autoscale.h>

#include <stdio.h>

static int print_shares(const asc_mixture *m)
{
    for (size_t i = 0; i < asc_mixture_n_domains(m); i++) {
        printf("%-8s %.6f", asc_mixture_domain(m, i), asc_mixture_share(m, i));
        if (asc_mixture_tokens_of(m, i) >= 0)
            printf("  %lld tokens", (long long)asc_mixture_tokens_of(m, i));
        if (asc_mixture_path(m, i))
            printf("  %s", asc_mixture_path(m, i));
        putchar('\n');
    }
    return 0;
}

static int print_export(const asc_mixture *m, const char *trainer)
{
    asc_error err = {ASC_OK, ""};
    char *text = NULL;
    if (asc_mixture_export(&text, m, trainer, 0, &err) != ASC_OK) {
        fprintf(stderr, "%s: %s\n", trainer, err.msg);
        return 1;
    }
    fputs(text, stdout);
    asc_text_free(text);
    return 0;
}

int main(int argc, char **argv)
{
    asc_error err = {ASC_OK, ""};
    asc_mixture *m = NULL;
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: read_mixture MIX.json [TRAINER]\ntrainers:");
        for (size_t i = 0; asc_trainer_name(i); i++)
            fprintf(stderr, " %s", asc_trainer_name(i));
        fputc('\n', stderr);
        return 2;
    }
    if (asc_mixture_load(&m, argv[1], &err) != ASC_OK) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    int rc = argc == 3 ? print_export(m, argv[2]) : print_shares(m);
    asc_mixture_free(m);
    return rc;
}
