public import NetTypes

/// What the edges of a controller tell of it.
public struct ControllerSettings: Sendable {
    /// The version of the program.
    public var version: String
    /// The URL at which leaves enrol, `https://ADDRESS:PORT`; it is in join tokens.
    public var url: String
    /// The URL under which people's browsers find the console, `https://NAME[:PORT]`. Passkeys are bound to its name.
    public var consoleURL: String
    /// The addresses of the gRPC service, `ADDRESS:PORT` with IPv6 in brackets, in the order in which leaves try them.
    public var leafAddresses: [String]
    /// The DNS name in the controllers' certificates that leaves check.
    public var serverName: String
    /// The clock.
    public var now: @Sendable () -> Timestamp
    /// How long a provider of identities may take for one answer.
    public var providerTime = Duration.seconds(10)

    /// Puts the settings together.
    ///
    /// - Parameter consoleURL: `url` when left out.
    public init(
        version: String, url: String, consoleURL: String? = nil, leafAddresses: [String], serverName: String,
        now: @escaping @Sendable () -> Timestamp
    ) {
        self.version = version
        self.url = url
        self.consoleURL = consoleURL ?? url
        self.leafAddresses = leafAddresses
        self.serverName = serverName
        self.now = now
    }
}
