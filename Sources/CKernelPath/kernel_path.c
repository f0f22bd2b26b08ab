#include "kernel_path.h"
