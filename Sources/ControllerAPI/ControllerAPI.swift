// ControllerAPI
