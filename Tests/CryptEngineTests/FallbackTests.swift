#if arch(x86_64)
    import CryptClient
    import Glibc
    import LinuxKit
    import Testing

    extension EngineTests {
        @Test func `Without ipsec-mb another library seals, and the engine says why`() throws {
            try Self.with { engines in
                try engines.connectBoth()
                let before = try engines.a.client().info()
                #expect(before.backend == "ipsec-mb", "\(before.backendReason)")
                let former = engines.a.process
                engines.a.process = try Self.launchWithoutLibrary(engines.a, [])
                let info = try engines.a.client().info()
                while try former.poll() == nil { usleep(1_000) }
                #expect(info.backend == "openssl")
                #expect(info.backendReason.contains("cannot be loaded: "), "\(info.backendReason)")
                #expect(info.backendReason.contains("libIPSec_MB.so.1"), "\(info.backendReason)")

                // What it seals is what the other one, which has the library, opens; and the other way round.
                for (from, to) in [(engines.a, engines.b), (engines.b, engines.a)] {
                    let right = try InnerSocket(in: to.namespace, "10.9.0.\(to.last)", port: 9_000)
                    let left = try InnerSocket(in: from.namespace, "10.9.0.\(from.last)", port: 9_001)
                    left.connect("10.9.0.\(to.last)", port: 9_000)
                    left.send(Array("by another library".utf8))
                    #expect(right.receive(milliseconds: 1_000) == Array("by another library".utf8))
                }

                // Where it is asked for by name there is nothing to fall back to: the engine that runs goes on.
                let refused = try Self.launchWithoutLibrary(engines.a, ["--backend", "ipsec-mb"])
                var status: Int32?
                while status == nil {
                    status = try refused.poll()
                    usleep(1_000)
                }
                #expect(status != 0)
                #expect(try engines.a.logText().contains("ipsec-mb"))
                #expect(try engines.a.client().info() == info)
            }
        }

        /// Starts a successor that finds an empty file in place of the library, in a mount namespace of its own.
        private static func launchWithoutLibrary(_ side: TwoEngines.Side, _ more: [String]) throws -> ChildProcess {
            let words = [
                "unshare", "--mount", "--propagation", "private", "sh", "-c",
                """
                file=$(ldconfig -p | awk '$1 == "libIPSec_MB.so.1" { print $NF; exit }')
                mount --bind /dev/null "$file" && exec "$@"
                """,
                "sh", try programs() + "/patchbay-crypt", "run", "--control", side.control, "--take-over", "--user",
                "nobody",
            ]
            let log = side.log
            return try side.namespace.perform {
                try ChildProcess.start(words + more, output: .memory(log), error: .memory(log))
            }
        }
    }
#endif
