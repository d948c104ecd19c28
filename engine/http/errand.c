/* SPDX-License-Identifier: MIT
 * errand.c: a request's way to another thread and back to its loop, as a letter.
 */
#include "http/http_impl.h"

static void delivered(struct ordo__loop *loop, struct ordo__letter *letter)
{
    struct ordo__errand *errand = H2O_STRUCT_FROM_MEMBER(struct ordo__errand, letter, letter);

    loop->jobs_out--;
    if (errand->request != NULL)
        errand->request->left = NULL;
    errand->back(errand, errand->request);
}

void ordo__errand_left(struct ordo__request *request)
{
    ((struct ordo__errand *)request->owner)->request = NULL;
    request->left = NULL;
}

void ordo__errand_begin(struct ordo__errand *errand, struct ordo__request *request,
                        void (*back)(struct ordo__errand *errand, struct ordo__request *request))
{
    *errand = (struct ordo__errand){
        .letter = {.deliver = delivered}, .loop = request->loop, .request = request, .back = back};
    errand->loop->jobs_out++; /* the loop must stay until the letter has come */
    request->owner = errand;
    request->left = ordo__errand_left;
}

void ordo__errand_return(struct ordo__errand *errand)
{
    ordo__loop_post(errand->loop, &errand->letter);
}

void ordo__errand_drop(struct ordo__errand *errand)
{
    errand->loop->jobs_out--;
    errand->request->left = NULL;
}
