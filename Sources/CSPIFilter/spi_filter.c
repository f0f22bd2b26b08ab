#define _GNU_SOURCE
#include "spi_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>

int spi_filter_map(int map, struct spi_filter_memory **memory) {
    void *at = mmap(0, sizeof **memory, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
    if (at == MAP_FAILED) return -errno;
    *memory = at;
    return 0;
}

void spi_filter_unmap(struct spi_filter_memory *memory) { munmap(memory, sizeof *memory); }

void spi_filter_set_capacity(struct spi_filter_memory *memory, __u32 capacity) {
    __atomic_store_n(&memory->capacity, capacity, __ATOMIC_SEQ_CST);
}

void spi_filter_set(struct spi_filter_memory *memory, __u32 place, __u64 group) {
    __atomic_store_n(&memory->groups[place], group, __ATOMIC_SEQ_CST);
}

__u64 spi_filter_count(const struct spi_filter_memory *memory, __u32 reason) {
    __u64 sum = 0;
    for (int row = 0; row < SPI_FILTER_ROWS; row++)
        sum += __atomic_load_n(&memory->drops[row][reason], __ATOMIC_RELAXED);
    return sum;
}

int spi_filter_attach(int socket, int program) {
    return setsockopt(socket, SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof program) < 0 ? -errno : 0;
}

int spi_filter_detach(int socket) {
    int none = 0;
    if (setsockopt(socket, SOL_SOCKET, SO_DETACH_BPF, &none, sizeof none) < 0 && errno != ENOENT) return -errno;
    return 0;
}

int spi_filter_duplicate(int descriptor) {
    int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
    return copy < 0 ? -errno : copy;
}
