// KernelPathTests
