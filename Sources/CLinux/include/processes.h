#pragma once

#include <stdbool.h>

// Processes. A function that can fail returns a value >= 0, or -errno.

// Starts argv[0], looked up in PATH, with descriptors 0, 1 and 2 taken from `in`, `out` and `err` (-1: /dev/null),
// every other descriptor closed and signals at their defaults; `new_session` detaches it from the terminal.
// Returns the process id.
int pb_spawn(char *const argv[], char *const envp[], int in, int out, int err, int new_session);

// Replaces this process. Returns only on failure.
int pb_replace(char *const argv[], char *const envp[]);

// Looks whether a child has ended: 0 while it runs; else 1, and `code` is its exit code, or 128 + the signal.
int pb_reap(int pid, int *code);

// Opens a file in memory, to take the output of a child.
int pb_memory_file(const char *name);

// Opens a directory and takes the exclusive lock on it; -EWOULDBLOCK when another process has it.
int pb_lock_directory(const char *path);

// Has the kernel write no core file of this process, whatever happens to it.
int pb_forbid_dumps(void);

/// Has the heap overwrite what is given back to it from now on (glibc's M_PERTURB).
int pb_overwrite_freed(void);

/// Whether the calling thread is the one that the process began with.
bool pb_is_main_thread(void);

/// Whether the program's file gave it privileges, so that glibc obeys no tunables (AT_SECURE).
bool pb_is_secure_execution(void);
