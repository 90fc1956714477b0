/* Whether two folders mean the same tokens. */
#ifndef CLI_TOKENIZERS_H
#define CLI_TOKENIZERS_H

#include "base/base.h"

/** False where both folders (or files) have a tokenizer that can be read and an id that both know is another token: one
 * may have more, as after a [PAD] was added. A tokenizer that cannot be read is noted on stderr. */
bool asc__cli_same_tokenizer(const char *a, const char *b);

#endif
