// PluggingTests
