// ControllerAPITests
