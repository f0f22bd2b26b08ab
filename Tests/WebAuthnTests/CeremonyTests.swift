import SoftAuthenticator
import Testing
import WebAuthn

/// Registrations and assertions, and each check of theirs by what breaks it alone.
@Suite struct CeremonyTests {
    private let challenge: [UInt8] = Array(0..<56)
    private let handle: [UInt8] = Array(100..<116)

    private func party() throws -> RelyingParty { try RelyingParty(url: "https://bay.example.org:7443") }

    private func register(
        _ authenticator: SoftAuthenticator, needsVerification: Bool = false,
        offered: [COSEAlgorithm] = COSEAlgorithm.allCases, _ change: (inout SoftAuthenticator.Said) -> Void = { _ in },
        then edit: (inout Registration.Response) -> Void = { _ in }
    ) throws -> Registration {
        let made = authenticator.create(challenge, change)
        var response = Registration.Response(
            id: made.id, clientDataJSON: made.clientDataJSON, attestationObject: made.attestationObject)
        edit(&response)
        return try Registration(
            verifying: response, for: party(), needsVerification: needsVerification, offered: offered
        ) { $0 == challenge }
    }

    private func assert(
        _ authenticator: inout SoftAuthenticator, known: Assertion.Known? = nil, needsVerification: Bool = true,
        isDiscoverable: Bool = true, _ change: (inout SoftAuthenticator.Said) -> Void = { _ in },
        then edit: (inout Assertion.Response) -> Void = { _ in }
    ) throws -> Assertion {
        let got = try authenticator.get(challenge) { said in
            said.userHandle = handle
            change(&said)
        }
        var response = Assertion.Response(
            id: got.id, clientDataJSON: got.clientDataJSON, authenticatorData: got.authenticatorData,
            signature: got.signature, userHandle: got.userHandle)
        edit(&response)
        return try Assertion(
            verifying: response, of: known ?? self.known(authenticator), for: party(),
            needsVerification: needsVerification, isDiscoverable: isDiscoverable
        ) { $0 == challenge }
    }

    private func known(_ authenticator: SoftAuthenticator, counter: UInt32 = 0, canBackUp: Bool = false)
        -> Assertion.Known
    {
        Assertion.Known(
            id: authenticator.credential, publicKey: authenticator.publicKey, counter: counter,
            isBackupEligible: canBackUp, userHandle: handle)
    }

    // MARK: What is right

    @Test(arguments: SoftAuthenticator.Algorithm.allCases)
    func bothCeremonies(_ algorithm: SoftAuthenticator.Algorithm) throws {
        var authenticator = try SoftAuthenticator(algorithm)
        authenticator.counter = 7
        let made = try register(authenticator)
        #expect(made.id == authenticator.credential && made.publicKey == authenticator.publicKey)
        #expect(made.counter == 7 && made.challenge == challenge && made.isUserVerified && !made.isBackupEligible)
        let proof = try assert(&authenticator, known: known(authenticator, counter: 7))
        #expect(proof.counter == 8 && proof.challenge == challenge && !proof.isBackedUp)
    }

    /// WebAuthn Level 3, section 16.2, "ES256 Credential with No Attestation".
    @Test func theSpecificationsExample() throws {
        let party = try RelyingParty(url: "https://example.org")
        let object = try octets(
            "a363666d74646e6f6e656761747453746d74a068617574684461746158a4bfabc37432958b063360d3ad6461c9c4735ae7f8edd465"
                + "92a5e0f01452b2e4b559000000008446ccb9ab1db374750b2367ff6f3a1f0020f91f391db4c9b2fde0ea70189cba3fb63f57"
                + "9ba6122b33ad94ff3ec330084be4a5010203262001215820afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a"
                + "9b672f26df61225820930a56b87a2fca66334b03458abf879717c12cc68ed73290af2e2664796b9220")
        let id = try octets("f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4")
        // The client data is kept as the octets that were hashed.
        let client = try octets(
            "7b2274797065223a22776562617574686e2e637265617465222c226368616c6c656e6765223a22414d4d507434557878475453746e63"
                + "647134313759447742466938767049612d7077386f4f755657345441222c226f726967696e223a2268747470733a2f2f6578"
                + "616d706c652e6f7267222c2263726f73734f726967696e223a66616c73652c22657874726144617461223a22636c69656e74"
                + "446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c647320696e"
                + "20746865206675747572652c207375636820617320746869733a20426b5165446a646354427258426941774a544c4535513d"
                + "3d227d")
        let made = try Registration(
            verifying: .init(id: id, clientDataJSON: client, attestationObject: object), for: party,
            needsVerification: false
        ) { $0.count == 32 }
        #expect(made.id == id && made.isBackupEligible && made.isBackedUp && !made.isUserVerified)
        let signature = try octets(
            "3046022100f50a4e2e4409249c4a853ba361282f09841df4dd4547a13a87780218deffcd380221008480ac0f0b93538174f575bf11"
                + "a1dd5d78c6e486013f937295ea13653e331e87")
        let response = Assertion.Response(
            id: id,
            clientDataJSON: try octets(
                "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a224f63446e55685158756c5455506f334a"
                    + "5558543049393770767a7a59425039745a63685879617630314167222c226f726967696e223a2268747470733a2f2f65"
                    + "78616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d"),
            authenticatorData: try octets(
                "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b51900000000"), signature: signature)
        let known = Assertion.Known(
            id: id, publicKey: made.publicKey, counter: 0, isBackupEligible: true, userHandle: handle)
        let given = try octets("39c0e7521417ba54d43e8dc95174f423dee9bf3cd804ff6d65c857c9abf4d408")
        let proof = try Assertion(
            verifying: response, of: known, for: party, needsVerification: false, isDiscoverable: false
        ) { $0 == given }
        #expect(proof.counter == 0 && proof.isBackedUp)
    }

    @Test func longestIDAndOtherFormats() throws {
        #expect(try register(SoftAuthenticator(idLength: 1_023)).id.count == 1_023)
        // Another format's statement is not looked at.
        let made = try register(SoftAuthenticator()) { said in
            said.format = "packed"
            said.statement = CBORWriter.map([
                (CBORWriter.text("alg"), CBORWriter.number(-7)), (CBORWriter.text("sig"), CBORWriter.bytes([1, 2])),
            ])
        }
        #expect(made.algorithm == .es256)
        // Extensions, where the flag says that there are some.
        let extended = try register(SoftAuthenticator()) { said in
            said.flags |= 128
            said.tail = CBORWriter.map([(CBORWriter.text("credProtect"), CBORWriter.number(2))])
        }
        #expect(extended.counter == 0)
    }

    @Test func countersThatStayAtNoughtAreTaken() throws {
        var authenticator = try SoftAuthenticator()
        authenticator.counts = false
        for _ in 0..<2 { #expect(try assert(&authenticator).counter == 0) }
    }

    @Test func secondFactorsNeedNeitherVerificationNorHandle() throws {
        var key = try SoftAuthenticator()
        key.flags = 1
        let proof = try assert(&key, needsVerification: false, isDiscoverable: false) { $0.userHandle = nil }
        #expect(proof.counter == 1)
    }

    // MARK: Registrations that are refused, in the order of section 7.1

    private func refuse(
        _ expected: WebAuthnError, needsVerification: Bool = false, offered: [COSEAlgorithm] = COSEAlgorithm.allCases,
        _ change: (inout SoftAuthenticator.Said) -> Void = { _ in },
        then edit: (inout Registration.Response) -> Void = { _ in }, at location: SourceLocation = #_sourceLocation
    ) throws {
        let authenticator = try SoftAuthenticator()
        #expect(throws: expected, sourceLocation: location) {
            try register(
                authenticator, needsVerification: needsVerification, offered: offered, change, then: edit)
        }
    }

    @Test func typeOfRegistration() throws { try refuse(.ceremony("webauthn.get")) { $0.type = "webauthn.get" } }
    @Test func challengeOfRegistration() throws { try refuse(.challenge) { $0.challenge[55] ^= 1 } }
    @Test(arguments: [
        "https://bay.example.org", "http://bay.example.org:7443", "https://bay.example.org:7444",
        "https://evil.example.org:7443", "https://bay.example.org:7443/", "https://BAY.example.org:7443", "",
        "https://sub.bay.example.org:7443", "https://bay.example.org:7443.evil.org", "null",
    ]) func originOfRegistration(_ origin: String) throws { try refuse(.origin(origin)) { $0.origin = origin } }
    @Test func framesOfRegistration() throws {
        try refuse(.crossOrigin) { $0.crossOrigin = true }
        try refuse(.crossOrigin) { $0.topOrigin = "https://bay.example.org:7443" }
        let without = try register(SoftAuthenticator()) { $0.crossOrigin = nil }
        #expect(without.counter == 0)
    }
    @Test func relyingPartyOfRegistration() throws { try refuse(.relyingParty) { $0.relyingParty = "example.org" } }
    @Test func presenceOfRegistration() throws { try refuse(.noUserPresence) { $0.flags &= ~1 } }
    @Test func verificationOfRegistration() throws {
        try refuse(.noUserVerification, needsVerification: true) { $0.flags &= ~4 }
        #expect(try register(SoftAuthenticator()) { $0.flags &= ~4 }.isUserVerified == false)
    }
    @Test func backupOfRegistration() throws {
        try refuse(.backup) { $0.flags |= 16 }
        #expect(try register(SoftAuthenticator()) { $0.flags |= 24 }.isBackedUp)
    }
    @Test func algorithmOfRegistration() throws {
        try refuse(.algorithm(-7), offered: [.edDSA])
        try refuse(.algorithm(-35)) { said in
            said.publicKey = CBORWriter.map([
                (CBORWriter.number(1), CBORWriter.number(2)), (CBORWriter.number(3), CBORWriter.number(-35)),
            ])
        }
    }
    @Test func credentialOfRegistration() throws { try refuse(.noCredential) { $0.flags &= ~64 } }
    @Test func statementOfNone() throws {
        try refuse(.attestation) { $0.statement = CBORWriter.map([(CBORWriter.text("x"), CBORWriter.number(1))]) }
    }
    @Test func idOfRegistration() throws {
        try refuse(.credentialID, { $0.credential = [] })
        try refuse(.credentialID, { $0.credential = [UInt8](repeating: 1, count: 1_024) })
        try refuse(.credentialID, then: { $0.id[0] ^= 1 })
    }

    @Test func brokenParts() throws {
        let authenticator = try SoftAuthenticator()
        let edits: [(inout Registration.Response) -> Void] = [
            { $0.clientDataJSON = [] }, { $0.clientDataJSON = Array("[]".utf8) },
            { $0.clientDataJSON.removeLast() }, { $0.clientDataJSON = [UInt8](repeating: 0x20, count: 8_193) },
            { $0.clientDataJSON[3] = 0xff }, { $0.attestationObject = [] }, { $0.attestationObject.append(0) },
            { $0.attestationObject.removeLast() }, { $0.attestationObject[0] = 0xa2 },
        ]
        for (number, edit) in edits.enumerated() {
            let error = #expect(throws: WebAuthnError.self, "\(number)") { try register(authenticator, then: edit) }
            if case .malformed? = error {} else { Issue.record("\(number): \(String(describing: error))") }
        }
        let changes: [(inout SoftAuthenticator.Said) -> Void] = [
            { $0.tail = [0] }, { $0.flags |= 128 },
            {
                $0.flags |= 128; $0.tail = [0x01]
            },
            {
                $0.flags |= 128; $0.tail = [0xa0, 0xa0]
            }, { $0.publicKey = [] }, { $0.publicKey.removeLast() },
            { $0.publicKey = CBORWriter.array([]) }, { $0.statement = CBORWriter.text("") },
            { $0.publicKey = [0xa1] + $0.publicKey.dropFirst() },
        ]
        for (number, change) in changes.enumerated() {
            let error = #expect(throws: WebAuthnError.self, "\(number)") { try register(authenticator, change) }
            if case .malformed? = error {} else { Issue.record("\(number): \(String(describing: error))") }
        }
    }

    // MARK: Assertions that are refused, in the order of section 7.2

    private func refuseProof(
        _ expected: WebAuthnError, known change: (inout Assertion.Known) -> Void = { _ in },
        needsVerification: Bool = true, isDiscoverable: Bool = true,
        _ say: (inout SoftAuthenticator.Said) -> Void = { _ in },
        then edit: (inout Assertion.Response) -> Void = { _ in }, at location: SourceLocation = #_sourceLocation
    ) throws {
        var authenticator = try SoftAuthenticator()
        var known = self.known(authenticator)
        change(&known)
        var thrown: WebAuthnError?
        do {
            _ = try assert(
                &authenticator, known: known, needsVerification: needsVerification, isDiscoverable: isDiscoverable, say,
                then: edit)
        } catch let error as WebAuthnError { thrown = error }
        #expect(thrown == expected, sourceLocation: location)
    }

    @Test func idOfAssertion() throws { try refuseProof(.credentialID, { $0.credential[0] ^= 1 }) }
    @Test func handleOfAssertion() throws {
        try refuseProof(.userHandle, { $0.userHandle = nil })
        try refuseProof(.userHandle, { $0.userHandle?[0] ^= 1 })
        try refuseProof(.userHandle, isDiscoverable: false, { $0.userHandle?[0] ^= 1 })
    }
    @Test func typeOfAssertion() throws {
        try refuseProof(.ceremony("webauthn.create"), { $0.type = "webauthn.create" })
    }
    @Test func challengeOfAssertion() throws {
        try refuseProof(.challenge, { $0.challenge = [] })
        try refuseProof(.challenge, { $0.challenge.append(0) })
    }
    @Test func originOfAssertion() throws {
        try refuseProof(.origin("https://bay.example.org"), { $0.origin = "https://bay.example.org" })
    }
    @Test func framesOfAssertion() throws {
        try refuseProof(.crossOrigin, { $0.crossOrigin = true })
        try refuseProof(.crossOrigin, { $0.topOrigin = "https://evil.example.org" })
    }
    @Test func relyingPartyOfAssertion() throws { try refuseProof(.relyingParty, { $0.relyingParty = "evil.org" }) }
    @Test func presenceOfAssertion() throws { try refuseProof(.noUserPresence, { $0.flags = 4 }) }
    @Test func verificationOfAssertion() throws { try refuseProof(.noUserVerification, { $0.flags = 1 }) }
    @Test func backupOfAssertion() throws {
        try refuseProof(.backup, { $0.flags |= 16 })
        try refuseProof(.backup, { $0.flags |= 8 })
        try refuseProof(.backup, known: { $0.isBackupEligible = true })
    }
    @Test func credentialInAssertion() throws {
        try refuseProof(
            .malformed("authenticator's data", "there is a new credential in it"), { $0.flags |= 64 })
    }
    @Test func signatureOfAssertion() throws {
        try refuseProof(.signature, then: { $0.signature[20] ^= 1 })
        try refuseProof(.signature, then: { $0.signature.append(0) })
        try refuseProof(.signature, then: { $0.signature = [] })
        // What was signed is not what came.
        try refuseProof(.signature, then: { $0.authenticatorData[36] ^= 2 })
        try refuseProof(.signature, then: { $0.clientDataJSON.insert(0x20, at: 1) })
        let other = try SoftAuthenticator().publicKey
        try refuseProof(.signature, known: { $0.publicKey = other })
    }
    @Test func counterOfAssertion() throws {
        try refuseProof(.counter(stored: 5, received: 4), known: { $0.counter = 5 }, { $0.counter = 4 })
        try refuseProof(.counter(stored: 5, received: 5), known: { $0.counter = 5 }, { $0.counter = 5 })
        try refuseProof(.counter(stored: 5, received: 0), known: { $0.counter = 5 }, { $0.counter = 0 })
    }

    /// Every octet of the signed data matters.
    @Test func everyChangedBitIsRefused() throws {
        for algorithm in SoftAuthenticator.Algorithm.allCases {
            var authenticator = try SoftAuthenticator(algorithm)
            let got = try authenticator.get(challenge) { $0.userHandle = handle }
            func isRefused(_ edit: (inout Assertion.Response) -> Void) throws -> Bool {
                var response = Assertion.Response(
                    id: got.id, clientDataJSON: got.clientDataJSON, authenticatorData: got.authenticatorData,
                    signature: got.signature, userHandle: got.userHandle)
                edit(&response)
                let party = try party()
                return
                    (try? Assertion(
                        verifying: response, of: known(authenticator), for: party, needsVerification: true,
                        isDiscoverable: true
                    ) { $0 == challenge }) == nil
            }
            #expect(try !isRefused { _ in })
            for place in got.authenticatorData.indices {
                #expect(try isRefused { $0.authenticatorData[place] ^= 1 << UInt8(place % 8) }, "data \(place)")
            }
            for place in got.clientDataJSON.indices {
                #expect(try isRefused { $0.clientDataJSON[place] ^= 1 }, "client \(place)")
            }
            for place in got.signature.indices {
                #expect(try isRefused { $0.signature[place] ^= 1 }, "signature \(place)")
            }
        }
    }
}
