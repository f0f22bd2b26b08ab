// Only a header; SwiftPM wants a source file to make a module of it, and this one checks the header's assertions.
#include "kernel_path.h"
