#include "ipsecmb.h"

#if defined(__x86_64__)
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

static struct ipsecmb functions;
static char missing[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void *find(void *library, const char *name) {
    void *function = library ? dlsym(library, name) : NULL;
    const char *error = function ? NULL : dlerror();
    if (error && !*missing) snprintf(missing, sizeof missing, "%s", error);
    return function;
}

static void load(void) {
    // The version is the ABI that the header describes. It stays loaded: packet threads run in it.
    void *library = dlopen("libIPSec_MB.so.1", RTLD_NOW | RTLD_LOCAL);
    functions.make = (IMB_MGR * (*)(uint64_t)) find(library, "alloc_mb_mgr");
    functions.end = (void (*)(IMB_MGR *))find(library, "free_mb_mgr");
    functions.choose = (void (*)(IMB_MGR *, IMB_ARCH *))find(library, "init_mb_mgr_auto");
    functions.error = (int (*)(IMB_MGR *))find(library, "imb_get_errno");
}

const struct ipsecmb *ipsecmb_load(const char **why) {
    pthread_once(&once, load);
    *why = missing;
    return *missing ? NULL : &functions;
}
#endif
