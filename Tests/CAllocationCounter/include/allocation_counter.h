#pragma once
#include <stdint.h>

/// How often the calling thread has asked for memory since it began, by whatever way leads to the C library's heap.
uint64_t allocation_count(void);
