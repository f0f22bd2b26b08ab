// Intel's ipsec-mb, loaded when it is asked for: a host without the library runs with another one.
#pragma once

#if defined(__x86_64__)
#include <intel-ipsec-mb.h>

/// The functions that are called by name; all others are in the manager's own table.
struct ipsecmb {
    IMB_MGR *(*make)(uint64_t flags);
    void (*end)(IMB_MGR *manager);
    void (*choose)(IMB_MGR *manager, IMB_ARCH *chosen);
    int (*error)(IMB_MGR *manager);
};

/// Loads the library, once for the process; NULL where it is not there, and then *why says what is missing.
const struct ipsecmb *ipsecmb_load(const char **why);
#endif
