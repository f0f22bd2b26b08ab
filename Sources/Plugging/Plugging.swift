// Plugging
