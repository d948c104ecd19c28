/* SPDX-License-Identifier: MIT
 * trace_words.c: the tables of lj_traceerr.h and lj_bc.h, which LuaJIT does not hold as text; a test compares them with
 * the copy that it installs for its own tools (jit/vmdef.lua).
 */
#include "vm/trace_words.h"

#include <stdio.h>
#include <string.h>

struct words {
    const char *original; /* LuaJIT's, by number */
    const char *words;    /* NULL: as the original */
};

static const struct words table[] = {
    {"error thrown or hook called during recording", "an error was raised while the line was being compiled"},
    {"trace too short", NULL},
    {"trace too long", "the loop's body, with all that it calls, is too long to be compiled in one piece"},
    {"trace too deep", "too many calls are nested in each other"},
    {"too many snapshots", "the loop's body has too many branches to be compiled in one piece"},
    {"blacklisted", "it leads to a place that was given up for good before"},
    {"retry recording", "it is tried again at once"},
    {"NYI: bytecode %d", "LuaJIT does not compile this operation"},
    {"leaving loop in root trace", "the loop ended while it was being compiled: it runs too few times"},
    {"inner loop in root trace", "there is a loop inside, which is compiled first"},
    {"loop unroll limit reached", "an inner loop runs a few times only, but not always as often"},
    {"bad argument type", "a function was called with an argument of the wrong type"},
    {"JIT compilation disabled for function", "compiling is switched off for a function that it calls"},
    {"call unroll limit reached", "a function calls itself too often"},
    {"down-recursion, restarting", "it is a recursion that returns; it is tried from there"},
    {"NYI: unsupported variant of FastFunc %s",
     "a library function is used in a way that LuaJIT does not compile"},
    {"NYI: return to lower frame", "a function returned further than the compiled path began"},
    {"store with nil or NaN key", "a table was given a key that is nil or not a number"},
    {"missing metamethod", "a value has no metamethod for what is done with it"},
    {"looping index lookup", "__index tables refer to each other in a circle"},
    {"NYI: mixed sparse/dense table", "a table is used as a list and as a map at once"},
    {"symbol not in cache", NULL},
    {"NYI: unsupported C type conversion", NULL},
    {"NYI: unsupported C function type", NULL},
    {"guard would always fail", "a value has another type each time than it had while compiling"},
    {"too many PHIs", "too many local variables change in the loop"},
    {"persistent type instability", "a variable changes its type in each round of the loop"},
    {"failed to allocate mcode memory", "there is no memory for compiled code near the program"},
    {"machine code too long", "the compiled code is too long"},
    {"hit mcode limit (retrying)", "the memory for compiled code is used up"},
    {"too many spill slots", "too many values are needed at once"},
    {"inconsistent register allocation", NULL},
    {"NYI: cannot assemble IR instruction %d", NULL},
    {"NYI: PHI shuffling too complex", "too many local variables change places in the loop"},
    {"NYI: register coalescing too complex", NULL},
};
enum { COUNT = sizeof(table) / sizeof(*table), NYI_BYTECODE = 7 };

/* What bytecodes that are not compiled do, in words of Lua. */
static const struct words bytecodes[] = {
    {"FNEW", "a function is made here each time (closure); make it once, outside"},
    {"UCLO", "functions made in this block keep its variables (closure); make them outside of the loop"},
    {"VARG", "`...` is used in a way that is not compiled; give the values names"},
    {"ITERN", "a loop over `next` is not compiled"},
    {"ISNEXT", "a loop over `next` is not compiled"},
    {"TSETM", "a table is filled from all results of a call"},
    {"CALLM", "a function is called with all results of another"},
    {"CALLMT", "a function is called with all results of another"},
};

/* Six characters each, by number. */
static const char bytecode_names[] =
    "ISLT  ISGE  ISLE  ISGT  ISEQV ISNEV ISEQS ISNES ISEQN ISNEN ISEQP ISNEP ISTC  ISFC  IST   ISF   "
    "ISTYPEISNUM MOV   NOT   UNM   LEN   ADDVN SUBVN MULVN DIVVN MODVN ADDNV SUBNV MULNV DIVNV MODNV "
    "ADDVV SUBVV MULVV DIVVV MODVV POW   CAT   KSTR  KCDATAKSHORTKNUM  KPRI  KNIL  UGET  USETV USETS "
    "USETN USETP UCLO  FNEW  TNEW  TDUP  GGET  GSET  TGETV TGETS TGETB TGETR TSETV TSETS TSETB TSETM "
    "TSETR CALLM CALL  CALLMTCALLT ITERC ITERN VARG  ISNEXTRETM  RET   RET0  RET1  FORI  JFORI FORL  "
    "IFORL JFORL ITERL IITERLJITERLLOOP  ILOOP JLOOP JMP   FUNCF IFUNCFJFUNCFFUNCV IFUNCVJFUNCVFUNCC FUNCCW";
enum { NAME = 6 };

const char *ordo__trace_detail(int code, int number, char *out, size_t size)
{
    const char *name = bytecode_names + (size_t)number * NAME;

    if (code != NYI_BYTECODE || number < 0 || (size_t)number >= sizeof(bytecode_names) / NAME)
        snprintf(out, size, "%d", number);
    else
        snprintf(out, size, "%.*s", (int)(strcspn(name, " ") < NAME ? strcspn(name, " ") : NAME), name);
    return out;
}

const char *ordo__trace_original(int code)
{
    return code >= 0 && code < COUNT ? table[code].original : NULL;
}

const char *ordo__trace_words(int code, const char *detail, char *out, size_t size)
{
    const char *words, *place;

    if (code < 0 || code >= COUNT) {
        snprintf(out, size, "LuaJIT gave up for its reason %d", code);
        return out;
    }
    words = table[code].words != NULL ? table[code].words : table[code].original;
    if (code == NYI_BYTECODE)
        for (size_t i = 0; i < sizeof(bytecodes) / sizeof(*bytecodes); i++)
            if (strcmp(bytecodes[i].original, detail) == 0)
                words = bytecodes[i].words;
    place = strchr(words, '%');
    if (place == NULL)
        snprintf(out, size, "%s", words);
    else
        snprintf(out, size, "%.*s%s%s", (int)(place - words), words, detail, place + 2);
    return out;
}
