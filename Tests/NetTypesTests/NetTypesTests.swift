// NetTypesTests
