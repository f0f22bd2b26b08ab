// swift-tools-version: 6.2
import PackageDescription

// A target imports only what stands below it; docs/architecture.md draws the layers.

/// What every hand-written Swift target is held to.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
]

/// Generated code is kept as the generator wrote it, so it is not held to our style.
let generated: [SwiftSetting] = [.swiftLanguageMode(.v6)]

let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let cryptoExtras: Target.Dependency = .product(name: "CryptoExtras", package: "swift-crypto")
let x509: Target.Dependency = .product(name: "X509", package: "swift-certificates")
let asn1: Target.Dependency = .product(name: "SwiftASN1", package: "swift-asn1")
let grpcCore: Target.Dependency = .product(name: "GRPCCore", package: "grpc-swift-2")
let grpcTransport: Target.Dependency = .product(
    name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport")
let grpcProtobuf: Target.Dependency = .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf")
let protobuf: Target.Dependency = .product(name: "SwiftProtobuf", package: "swift-protobuf")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let asyncHTTPClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let certificateReloading: Target.Dependency = .product(
    name: "NIOCertificateReloading", package: "swift-nio-extras")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let metrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")

let package = Package(
    name: "patchbay",
    platforms: [.macOS(.v26)],
    products: [
        .executable(name: "patchbay", targets: ["patchbay"]),
        .executable(name: "patchbay-controller", targets: ["patchbay-controller"]),
        .executable(name: "patchbay-leaf", targets: ["patchbay-leaf"]),
        .executable(name: "patchbay-crypt", targets: ["patchbay-crypt"]),
        .executable(name: "patchbay-bench", targets: ["patchbay-bench"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.3"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.2"),
        .package(url: "https://github.com/grpc/grpc-swift-protobuf", from: "2.4.1"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: [
        // MARK: Values
        .target(name: "NetTypes", swiftSettings: strict),
        .target(name: "PacketFormats", dependencies: ["NetTypes"], swiftSettings: strict),

        // MARK: Engines and trust
        .target(name: "Policy", dependencies: ["NetTypes"], swiftSettings: strict),
        .target(name: "PolicyLanguage", dependencies: ["NetTypes", "Policy"], swiftSettings: strict),
        .target(
            name: "PolicyYAML",
            dependencies: ["NetTypes", "PolicyLanguage", .product(name: "Yams", package: "Yams")],
            swiftSettings: strict),
        .target(name: "PolicyZones", dependencies: ["NetTypes", "PolicyLanguage"], swiftSettings: strict),
        .target(
            name: "PolicyImport",
            dependencies: ["NetTypes", "PolicyLanguage", .product(name: "Yams", package: "Yams")],
            swiftSettings: strict),
        .target(
            name: "Trust", dependencies: ["NetTypes", crypto, x509, asn1], swiftSettings: strict),
        .target(
            name: "Plugging", dependencies: ["NetTypes", "PacketFormats", "Policy", "PolicyLanguage", "Trust"],
            swiftSettings: strict),

        // MARK: Ports to the kernel
        .systemLibrary(
            name: "CLibbpf", pkgConfig: "libbpf", providers: [.apt(["libbpf-dev"])]),
        .target(name: "CLinux"),
        .target(name: "LinuxKit", dependencies: ["NetTypes", "CLinux"], swiftSettings: strict),
        .target(
            name: "KernelPath",
            dependencies: ["NetTypes", "LinuxKit", "CLinux", "CLibbpf", "CKernelPath"], exclude: ["BPF"],
            swiftSettings: strict, plugins: ["EmbedBPF"]),
        .target(name: "CKernelPath"),
        .executableTarget(name: "bpfembed", swiftSettings: strict),
        .plugin(name: "EmbedBPF", capability: .buildTool(), dependencies: ["bpfembed"]),

        // MARK: Protected wires
        // Its header is Debian's libipsec-mb-dev; the library is loaded at run time.
        .target(name: "CIPSecMB", linkerSettings: [.linkedLibrary("dl")]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .target(name: "AEAD", dependencies: ["CIPSecMB", "COpenSSL"], swiftSettings: strict),
        .target(name: "ESP", dependencies: ["AEAD", crypto], swiftSettings: strict),
        .target(name: "CPacketIO"),
        .target(name: "PacketIO", dependencies: ["NetTypes", "LinuxKit", "CPacketIO"], swiftSettings: strict),
        .target(
            name: "SPIFilter", dependencies: ["PacketIO", "LinuxKit", "CLibbpf", "CSPIFilter"], exclude: ["BPF"],
            swiftSettings: strict, plugins: ["EmbedBPF"]),
        .target(name: "CSPIFilter"),
        .target(name: "CryptProtocol", dependencies: ["NetTypes"], swiftSettings: strict),
        .target(
            name: "CryptClient",
            dependencies: ["CryptProtocol", "PacketIO", "LinuxKit", "NetTypes", "PrometheusMetrics"],
            swiftSettings: strict),
        .target(
            name: "CryptEngine",
            dependencies: [
                "AEAD", "ESP", "PacketIO", "SPIFilter", "CryptProtocol", "PacketFormats", "LinuxKit", "NetTypes",
                logging,
            ], swiftSettings: strict),

        // MARK: Directory
        .target(name: "WebAuthn", dependencies: [crypto, cryptoExtras], swiftSettings: strict),
        .target(name: "Accounts", dependencies: ["NetTypes", crypto, cryptoExtras], swiftSettings: strict),
        .target(name: "AuditLog", dependencies: ["NetTypes", crypto], swiftSettings: strict),
        .target(
            name: "DirectoryCore",
            dependencies: [
                "Accounts", "AuditLog", "NetTypes", "Policy", "PolicyLanguage", "PolicyYAML", "PolicyZones", "Trust",
                "WebAuthn", crypto,
            ], swiftSettings: strict),
        .target(
            name: "StoreSQLite",
            dependencies: [
                "Accounts", "AuditLog", "DirectoryCore", "NetTypes", "Trust",
                .product(name: "GRDB", package: "GRDB.swift"),
            ], swiftSettings: strict),

        .target(
            name: "PlatformBackup", dependencies: ["DirectoryCore", "StoreSQLite", crypto, cryptoExtras],
            swiftSettings: strict),

        // MARK: Metrics and logs
        .target(name: "PrometheusMetrics", dependencies: [metrics], swiftSettings: strict),
        .target(
            name: "MetricsEndpoint",
            dependencies: ["NetTypes", "PrometheusMetrics", logging, lifecycle, nioCore, nioHTTP1, nioPosix],
            swiftSettings: strict),
        .target(name: "StructuredLog", dependencies: [logging], swiftSettings: strict),

        // MARK: Edges
        .target(
            name: "LeafProtocol", dependencies: [grpcCore, grpcProtobuf, protobuf],
            swiftSettings: generated),
        .target(
            name: "MutualTLS",
            dependencies: [
                "NetTypes", "Trust", grpcCore, grpcTransport, nioCore, nioSSL, certificateReloading, x509, asn1,
            ], swiftSettings: strict),
        .target(
            name: "OpenIDConnect",
            dependencies: [
                "NetTypes", crypto, nioCore, nioPosix, nioSSL,
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "JWTKit", package: "jwt-kit"),
            ], swiftSettings: strict),
        .target(name: "APITypes", swiftSettings: strict),
        .target(
            name: "Console", dependencies: [crypto], exclude: ["Files"], swiftSettings: strict,
            plugins: ["EmbedConsole"]),
        .executableTarget(name: "consoleembed", swiftSettings: strict),
        .plugin(name: "EmbedConsole", capability: .buildTool(), dependencies: ["consoleembed"]),
        .target(
            name: "ControllerAPI",
            dependencies: [
                "APITypes", "Accounts", "AuditLog", "Console", "DirectoryCore", "LeafProtocol", "MutualTLS",
                "NetTypes", "OpenIDConnect", "Policy", "PolicyLanguage", "PrometheusMetrics", "Trust", "WebAuthn",
                logging,
                metrics, crypto, grpcCore, grpcTransport, nioCore, nioPosix, nioSSL, lifecycle, x509, asn1,
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
            ], swiftSettings: strict),
        .target(
            name: "LeafAgent",
            dependencies: [
                "APITypes", "CryptClient", "CryptProtocol", "ESP", "KernelPath", "LeafProtocol", "LinuxKit",
                "MutualTLS", "NetTypes", "PacketFormats",
                "Plugging", "Policy", "PolicyLanguage", "PolicyZones", "PrometheusMetrics", "Trust", logging, metrics,
                grpcCore, grpcTransport, nioCore,
                nioPosix, nioSSL, lifecycle,
                asyncHTTPClient,
            ], swiftSettings: strict),
        .target(
            name: "APIClient",
            dependencies: [
                "APITypes", "Accounts", "NetTypes", "Trust", crypto, nioCore, nioPosix, nioSSL, asyncHTTPClient,
            ], swiftSettings: strict),
        .target(
            name: "Lab", dependencies: ["APIClient", "APITypes", "LinuxKit", "NetTypes"], swiftSettings: strict),

        // MARK: Programs
        .executableTarget(
            name: "patchbay",
            dependencies: [
                "APIClient", "APITypes", "Accounts", "AuditLog", "Lab", "NetTypes", "Policy", "PolicyImport",
                "PolicyLanguage", "PolicyYAML", "PolicyZones", "Trust", arguments,
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "patchbay-controller",
            dependencies: [
                "ControllerAPI", "DirectoryCore", "LinuxKit", "MetricsEndpoint", "NetTypes", "PlatformBackup",
                "PrometheusMetrics", "StoreSQLite", "StructuredLog", "Trust", arguments, logging, lifecycle, metrics,
            ], swiftSettings: strict),
        .executableTarget(
            name: "patchbay-leaf",
            dependencies: [
                "LeafAgent", "LinuxKit", "MetricsEndpoint", "NetTypes", "PrometheusMetrics", "StructuredLog", arguments,
                logging, lifecycle, metrics,
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "patchbay-crypt",
            dependencies: [
                "AEAD", "CryptClient", "CryptEngine", "CryptProtocol", "MetricsEndpoint", "PacketIO", "NetTypes",
                "PrometheusMetrics", "StructuredLog", arguments, logging, lifecycle, metrics,
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "patchbay-bench",
            dependencies: [
                "APIClient", "APITypes", "CBench", "CryptClient", "CryptProtocol", "DirectoryCore", "ESP", "KernelPath",
                "Lab", "LeafAgent", "LeafProtocol", "LinuxKit", "MutualTLS", "NetTypes", "Plugging", "Policy",
                "PolicyLanguage", "PolicyYAML", "PolicyZones", "StoreSQLite", "Trust", "CLinux", arguments,
                asyncHTTPClient, grpcCore, grpcTransport, nioCore, nioPosix, nioSSL,
            ], swiftSettings: strict),
        .target(name: "CBench"),

        // MARK: Tests
        .testTarget(name: "PackagingTests", dependencies: ["Lab"], swiftSettings: strict),
        .testTarget(
            name: "PlatformBackupTests",
            dependencies: ["DirectoryCore", "NetTypes", "PlatformBackup", "StoreSQLite", "Trust"],
            swiftSettings: strict),
        .testTarget(
            name: "MetricsTests",
            dependencies: [
                "ControllerAPI", "CryptClient", "CryptProtocol", "LeafAgent", "MetricsEndpoint", "NetTypes",
                "PrometheusMetrics", "StructuredLog", logging, metrics, lifecycle, nioCore, nioPosix,
            ], swiftSettings: strict),
        .testTarget(name: "NetTypesTests", dependencies: ["NetTypes"], swiftSettings: strict),
        .testTarget(
            name: "PacketFormatsTests", dependencies: ["PacketFormats", "NetTypes"],
            swiftSettings: strict),
        .testTarget(name: "PolicyTests", dependencies: ["Policy", "NetTypes"], swiftSettings: strict),
        .testTarget(
            name: "PolicyLanguageTests",
            dependencies: ["NetTypes", "Policy", "PolicyLanguage", "PolicyYAML", "PolicyZones"],
            swiftSettings: strict),
        .testTarget(
            name: "PolicyImportTests", dependencies: ["NetTypes", "PolicyImport", "PolicyLanguage", "PolicyYAML"],
            swiftSettings: strict),
        .testTarget(
            name: "TrustTests", dependencies: ["Trust", "NetTypes", crypto, x509, asn1],
            resources: [.copy("Resources")], swiftSettings: strict),
        .testTarget(
            name: "PluggingTests",
            dependencies: ["Plugging", "NetTypes", "PacketFormats", "Policy", "PolicyLanguage", "Trust", crypto, x509],
            swiftSettings: strict),
        .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter"),
        .testTarget(
            name: "AEADTests", dependencies: ["AEAD"], resources: [.copy("Resources")], swiftSettings: strict),
        .testTarget(
            name: "ESPTests", dependencies: ["ESP", "AEAD", "CAllocationCounter", crypto],
            resources: [.copy("Resources")], swiftSettings: strict),
        .testTarget(name: "CryptProtocolTests", dependencies: ["CryptProtocol", "NetTypes"], swiftSettings: strict),
        .testTarget(
            name: "PacketIOTests", dependencies: ["PacketIO", "LinuxKit", "NetTypes"], swiftSettings: strict),
        .testTarget(
            name: "CryptEngineTests",
            dependencies: [
                "AEAD", "ESP", "CryptClient", "CryptEngine", "CryptProtocol", "PacketIO", "PacketFormats", "SPIFilter",
                "LinuxKit", "NetTypes", "patchbay-crypt",
            ], swiftSettings: strict),
        .testTarget(
            name: "KernelPathTests",
            dependencies: ["KernelPath", "LinuxKit", "CLinux", "CKernelPath", "NetTypes", "PacketFormats"],
            swiftSettings: strict),
        .testTarget(
            name: "WitnessTests",
            dependencies: ["AEAD", "CryptClient", "CryptProtocol", "ESP", "LinuxKit", "NetTypes", "patchbay-crypt"],
            resources: [.copy("Resources")], swiftSettings: strict),
        // An authenticator in software, which the tests of WebAuthn and of the API use.
        .target(
            name: "SoftAuthenticator", dependencies: [crypto, cryptoExtras], path: "Tests/SoftAuthenticator",
            swiftSettings: strict),
        .testTarget(
            name: "WebAuthnTests", dependencies: ["SoftAuthenticator", "WebAuthn", crypto, cryptoExtras],
            swiftSettings: strict),
        .testTarget(name: "AccountsTests", dependencies: ["Accounts", "NetTypes", crypto], swiftSettings: strict),
        .testTarget(name: "AuditLogTests", dependencies: ["AuditLog", "NetTypes", crypto], swiftSettings: strict),
        .testTarget(
            name: "DirectoryTests",
            dependencies: [
                "Accounts", "AuditLog", "ControllerAPI", "DirectoryCore", "LeafAgent", "LeafProtocol", "StoreSQLite",
                "NetTypes", "Policy", "PolicyLanguage", "Trust", logging,
                .product(name: "GRDB", package: "GRDB.swift"),
            ], swiftSettings: strict),
        .testTarget(
            name: "ControllerAPITests",
            dependencies: [
                "APIClient", "APITypes", "Console", "ControllerAPI", "DirectoryCore", "LeafProtocol", "MutualTLS",
                "NetTypes", "PlatformBackup",
                "Policy", "PolicyLanguage", "PrometheusMetrics", "SoftAuthenticator", "StoreSQLite", "Trust", logging,
                grpcCore, grpcTransport, lifecycle,
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdTesting", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "JWTKit", package: "jwt-kit"),
                nioSSL,
            ], swiftSettings: strict),
        .testTarget(
            name: "LeafAgentTests",
            dependencies: [
                "KernelPath", "LeafAgent", "LeafProtocol", "NetTypes", "PacketFormats", "Plugging", "Policy",
                "PolicyLanguage", "Trust", grpcCore, grpcTransport,
            ], swiftSettings: strict),
        .testTarget(
            name: "LabTests",
            dependencies: [
                "APIClient", "APITypes", "KernelPath", "Lab", "LeafProtocol", "LinuxKit", "MutualTLS", "NetTypes",
                "Trust",
                grpcCore, grpcTransport,
            ], swiftSettings: strict),
    ]
)
