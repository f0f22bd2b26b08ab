import NetTypes
import Testing

@testable import Accounts

@Suite("Sign-in")
struct SignInTests {
    private let world = World()
    private let hash = CountingHash()
    private let here = SourceNetwork(octets: [192, 0, 2, 1] as [UInt8])
    private let right = "tulips grow sideways"

    private func signIn(_ hash: CountingHash? = nil, worker: PasswordWorker = PasswordWorker()) throws -> SignIn {
        SignIn(
            devices: try #require(DeviceCookie(key: [UInt8](repeating: 7, count: 32))), hashing: hash ?? self.hash,
            worker: worker, now: { [world] in world.now }, random: world.random)
    }

    private func home() throws -> Home {
        .tenant(try #require(Membership(tenant: try Name("acme"), roles: [.viewer])))
    }

    /// Ada of acme, with the right password.
    private func ada(_ cost: PasswordCost = .standard) throws -> User {
        var user = try User.make("ada@acme", home(), in: world)
        let salt = world.random(16)
        let made = try CountingHash().derive(Array(right.utf8), salt: salt, cost: cost)
        user.set(password: PasswordHash(cost: cost, salt: salt, hash: made))
        return user
    }

    private func source(_ number: Int) -> SourceNetwork {
        SourceNetwork(octets: [10, UInt8(number >> 16 & 255), UInt8(number >> 8 & 255), UInt8(number & 255)])
    }

    /// One attempt; nil when it had to wait.
    private func attempt(
        _ signIn: SignIn, _ password: String, name: String = "ada@acme", user: User?, device: String? = nil,
        from source: SourceNetwork? = nil
    ) async -> SignIn.Outcome? {
        switch signIn.begin(name: name, password: password, device: device, source: source ?? here) {
        case .wait: return nil
        case .admitted(let attempt): return await signIn.verify(attempt, against: user)
        }
    }

    private func wait(
        _ signIn: SignIn, name: String = "ada@acme", device: String? = nil, from source: SourceNetwork? = nil
    ) -> Int64? {
        if case .wait(let seconds) = signIn.begin(name: name, password: "x", device: device, source: source ?? here) {
            seconds
        } else {
            nil
        }
    }

    @Test("1: the right password is right, any other is wrong")
    func rightAndWrong() async throws {
        let signIn = try signIn()
        let ada = try ada()
        #expect(await attempt(signIn, right, user: ada) == .right(rehash: nil))
        #expect(await attempt(signIn, right, name: "ADA@Acme", user: ada) == .right(rehash: nil))
        for wrong in ["tulips grow sideway", "Tulips grow sideways", "tulips grow sideways "] {
            #expect(await attempt(signIn, wrong, user: ada) == .wrong)
        }
    }

    @Test("2: nobody, a disabled one, one without a password, a name that is none: the same answer for the same work")
    func sameWork() async throws {
        let signIn = try signIn()
        var disabled = try ada()
        disabled.change(state: .disabled)
        let fresh = try User.make("ada@acme", home(), in: world)
        let other = try User.make("eve@acme", home(), in: world)
        let cases: [(String, User?, String)] = [
            ("ada@acme", try ada(), "wrong password"), ("ada@acme", nil, right), ("ada@acme", disabled, right),
            ("ada@acme", fresh, right), ("ada@acme", other, right), ("аda@acme", nil, right), ("", nil, right),
            (String(repeating: "a", count: 100_000), nil, right), ("ada@acme", try ada(), ""),
            ("ada@acme", try ada(), String(repeating: "x", count: 1_000_000)), ("ada@acme", nil, ""),
        ]
        for (place, (name, user, password)) in cases.enumerated() {
            let before = hash.costs.count
            #expect(await attempt(signIn, password, name: name, user: user, from: source(place)) == .wrong, "\(place)")
            #expect(hash.costs.count == before + 1, "\(place)")
            #expect(hash.costs.last == .standard, "\(place)")
        }
    }

    @Test("3: unknown names wait as known ones do")
    func sameWaits() async throws {
        let signIn = try signIn()
        let ada = try ada()
        var waits: [[Int64?]] = [[], []]
        for round in 0..<12 {
            waits[0].append(wait(signIn, from: source(1)))
            waits[1].append(wait(signIn, name: "nobody@acme", from: source(2)))
            if round == 7 { world.advance(3) }
        }
        #expect(waits[0] == waits[1])
        #expect(waits[0].contains { $0 != nil })
        _ = ada
    }

    @Test("4: a weaker hash is made anew with the right password, and only then")
    func rehash() async throws {
        let signIn = try signIn()
        let weak = try #require(PasswordCost(logN: 10, r: 8, p: 1))
        var ada = try ada(weak)
        #expect(await attempt(signIn, "wrong", user: ada) == .wrong)
        #expect(hash.costs == [weak])
        guard case .right(let rehash?) = await attempt(signIn, right, user: ada) else {
            Issue.record("no new hash")
            return
        }
        #expect(rehash.cost == .standard && hash.costs == [weak, weak, .standard])
        let epoch = ada.credentialEpoch
        ada.rehash(rehash)
        #expect(ada.credentialEpoch == epoch)
        #expect(await attempt(signIn, right, user: ada) == .right(rehash: nil))
    }

    @Test("5: failures make wait, longer and longer; success forgives; time forgets")
    func waits() async throws {
        let signIn = try signIn()
        let ada = try ada()
        for _ in 0..<5 { #expect(await attempt(signIn, "wrong", user: ada) == .wrong) }
        #expect(wait(signIn) == 2)
        world.advance(1)
        #expect(wait(signIn) == 1)
        world.advance(1)
        #expect(await attempt(signIn, "wrong", user: ada) == .wrong)
        #expect(wait(signIn) == 4)
        world.advance(4)
        #expect(await attempt(signIn, right, user: ada) == .right(rehash: nil))
        #expect(wait(signIn) == nil)
        for _ in 0..<20 {
            world.advance(900)
            _ = await attempt(signIn, "wrong", user: ada)
        }
        #expect(wait(signIn) == 900)
        world.advance(Throttle.memory + 1)
        #expect(wait(signIn) == nil)
    }

    @Test("6: who guesses from everywhere keeps nobody out who signed in on his device before")
    func knownDevice() async throws {
        let signIn = try signIn()
        let ada = try ada()
        let device = signIn.issueDevice(for: ada.name)
        for number in 0..<200 { _ = await attempt(signIn, "wrong", user: ada, from: source(number)) }
        // A stranger's network that never failed has to wait; the account is guessed at from everywhere.
        #expect(wait(signIn, from: source(999)) != nil)
        #expect(await attempt(signIn, right, user: ada, device: device) == .right(rehash: nil))
        // Nor by guessing from the very same network.
        for _ in 0..<50 { _ = await attempt(signIn, "wrong", user: ada) }
        #expect(wait(signIn) != nil)
        #expect(await attempt(signIn, right, user: ada, device: device) == .right(rehash: nil))
        // Another account in that network, on a known device.
        let eve = try User.make("eve@acme", home(), in: world)
        let hers = signIn.issueDevice(for: eve.name)
        #expect(wait(signIn, name: "eve@acme", device: hers) == nil)
    }

    @Test("7: a stolen cookie is one more stranger after 20 failures, and is good for one account")
    func stolenDevice() async throws {
        let signIn = try signIn()
        let ada = try ada()
        let device = signIn.issueDevice(for: ada.name)
        for round in 0..<SignIn.deviceFailures {
            #expect(await attempt(signIn, "wrong", user: ada, device: device) == .wrong, "\(round)")
            world.advance(900)
        }
        func isKnown(_ number: Int) throws -> Bool {
            let admission = signIn.begin(name: "ada@acme", password: right, device: device, source: source(number))
            guard case .admitted(let attempt) = admission else { throw TextError("wait", "admitted") }
            return attempt.isKnownDevice
        }
        #expect(try !isKnown(5))
        world.advance(Throttle.memory - 900)
        #expect(try !isKnown(6))
        world.advance(1)
        #expect(try isKnown(7))
        for (name, cookie) in [("eve@acme", signIn.issueDevice(for: ada.name)), ("ada@acme", "x"), ("ada@acme", "")] {
            guard case .admitted(let other) = signIn.begin(name: name, password: "x", device: cookie, source: source(6))
            else {
                Issue.record("not admitted")
                continue
            }
            #expect(!other.isKnownDevice)
        }
    }

    @Test("8: a device cookie is good for 180 days, for its account and its platform")
    func cookies() throws {
        let devices = try #require(DeviceCookie(key: [UInt8](repeating: 7, count: 32)))
        let others = try #require(DeviceCookie(key: [UInt8](repeating: 8, count: 32)))
        #expect(DeviceCookie(key: []) == nil)
        let name = try AccountName(parsing: "ada@acme")
        let at = world.now
        let cookie = devices.issue(for: name, at: at, random: world.random)
        #expect(devices.nonce(cookie, for: name, at: at)?.count == 16)
        #expect(devices.nonce(cookie, for: name, at: at + (DeviceCookie.lifetime - 1)) != nil)
        #expect(devices.nonce(cookie, for: name, at: at + DeviceCookie.lifetime) == nil)
        #expect(devices.nonce(cookie, for: name, at: at + -1) == nil)
        #expect(others.nonce(cookie, for: name, at: at) == nil)
        #expect(devices.nonce(cookie, for: try AccountName(parsing: "ada@umbrella"), at: at) == nil)
        for place in cookie.indices {
            var bad = cookie
            bad.replaceSubrange(place...place, with: cookie[place] == "A" ? "B" : "A")
            #expect(devices.nonce(bad, for: name, at: at) == nil)
        }
    }

    @Test("9: a hundred attempts at once are admitted no more often than one after another")
    func concurrent() async throws {
        let signIn = try signIn()
        let ada = try ada()
        let admitted = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<100 {
                group.addTask {
                    switch signIn.begin(name: "ada@acme", password: "wrong", device: nil, source: here) {
                    case .wait: return false
                    case .admitted(let attempt):
                        let outcome = await signIn.verify(attempt, against: ada)
                        // One that found no room does not count, and is no guess either.
                        return outcome == .wrong
                    }
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(admitted <= SignIn.accountLimit.free)
        #expect(hash.costs.count == admitted)
    }

    @Test(
        "10: a flood takes two hashes at a time and 16 places; known devices go first; what found no place does not count"
    )
    func flood() async throws {
        let held = CountingHash(isHeld: true)
        let worker = PasswordWorker()
        let signIn = try signIn(held, worker: worker)
        let ada = try ada()
        let device = signIn.issueDevice(for: ada.name)
        let order = Notes()
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<200 {
                group.addTask {
                    let outcome = await attempt(signIn, "wrong", name: "n\(number)", user: nil, from: source(number))
                    order.add(outcome == .busy ? "busy" : "wrong")
                }
            }
            // Both slots and all places are taken; everybody else was told so.
            while order.all.count < 200 - PasswordWorker.slots - PasswordWorker.waiting {
                try? await Task.sleep(for: .milliseconds(1))
            }
            #expect(worker.load.running == PasswordWorker.slots && worker.load.waiting == PasswordWorker.waiting)
            #expect(order.all.allSatisfy { $0 == "busy" })
            group.addTask {
                let outcome = await attempt(signIn, right, user: ada, device: device)
                order.add(outcome == .right(rehash: nil) ? "ada" : "?")
            }
            while worker.load.waiting <= PasswordWorker.waiting { try? await Task.sleep(for: .milliseconds(1)) }
            held.open()
        }
        let ends = order.all.filter { $0 != "busy" }
        #expect(ends.count == PasswordWorker.slots + PasswordWorker.waiting + 1)
        // Only those that were under way, and the one beside her, can have come before.
        #expect(try #require(ends.firstIndex(of: "ada")) <= PasswordWorker.slots + 1, "\(ends)")
        #expect(held.mostAtOnce <= PasswordWorker.slots)
        #expect(worker.load.running == 0 && worker.load.waiting == 0)
        // A name that was only ever told "busy" has nothing counted.
        #expect(wait(signIn, name: "n199", from: source(199)) == nil)
    }

    @Test("11: a source has one attempt under way at a time")
    func onePerSource() async throws {
        let held = CountingHash(isHeld: true)
        let worker = PasswordWorker()
        let signIn = try signIn(held, worker: worker)
        let first = Task { await attempt(signIn, "a", name: "x1", user: nil) }
        while worker.load.running < 1 { try? await Task.sleep(for: .milliseconds(1)) }
        #expect(await attempt(signIn, "a", name: "x2", user: nil) == .busy)
        held.open()
        #expect(await first.value == .wrong)
        #expect(await attempt(signIn, "a", name: "x2", user: nil) == .wrong)
    }

    @Test("12: second factors wait by account, source and device")
    func secondFactor() throws {
        let signIn = try signIn()
        let ada = try ada()
        func admitted(_ device: String?, _ source: SourceNetwork) -> SignIn.SecondAttempt? {
            if case .admitted(let attempt) = signIn.beginSecondFactor(of: ada, device: device, source: source) {
                attempt
            } else {
                nil
            }
        }
        for _ in 0..<5 { #expect(admitted(nil, here) != nil) }
        #expect(admitted(nil, here) == nil)
        for number in 0..<100 { _ = admitted(nil, source(number)) }
        #expect(admitted(nil, source(1_000)) == nil)
        // Somebody with her password does not keep her out of her own device.
        let device = signIn.issueDevice(for: ada.name)
        let attempt = try #require(admitted(device, here))
        for _ in 0..<4 { #expect(admitted(device, here) != nil) }
        #expect(admitted(device, here) == nil)
        signIn.succeed(attempt)
        #expect(admitted(device, here) != nil)
    }

    @Test("13: a new password is hashed; the present one is asked for")
    func newPassword() async throws {
        let signIn = try signIn()
        var ada = try ada()
        #expect(await signIn.isPassword(Password(right), of: ada) == true)
        #expect(await signIn.isPassword(Password("wrong"), of: ada) == false)
        let made = try #require(await signIn.hash(Password("zebrafensterkiste")))
        ada.set(password: made)
        #expect(await attempt(signIn, "zebrafensterkiste", user: ada) == .right(rehash: nil))
        #expect(await signIn.hash(Password("")) == nil)
    }

    @Test("14: with the real function")
    func real() async throws {
        let signIn = SignIn(
            devices: try #require(DeviceCookie(key: world.random(32))),
            cost: try #require(PasswordCost(logN: 10, r: 8, p: 1)),
            now: { [world] in world.now }, random: world.random)
        var user = try User.make("ada@acme", home(), in: world)
        user.set(password: try #require(await signIn.hash(Password(right))))
        #expect(await attempt(signIn, right, user: user) == .right(rehash: nil))
        #expect(await attempt(signIn, right + "!", user: user) == .wrong)
    }
}

@Suite("Counting failures")
struct ThrottleTests {
    private let at = World.start
    private let limit = Throttle.Limit(free: 3, first: 2, longest: 60)

    @Test("1: the waits, one by one")
    func waits() {
        #expect((0..<10).map { limit.wait(after: $0) } == [0, 0, 0, 2, 4, 8, 16, 32, 60, 60])
        #expect(limit.wait(after: 1_000_000) == 60)
    }

    @Test("2: an attempt is admitted under all keys or under none")
    func together() {
        var throttle = Throttle()
        let a = Throttle.Key.device([1])
        let b = Throttle.Key.device([2])
        for _ in 0..<3 { _ = throttle.admit([(a, limit)], at: at) }
        #expect(throttle.admit([(a, limit), (b, limit)], at: at) == .wait(2))
        #expect(throttle.failures(b, at: at) == 0)
        // A clock that goes back makes nobody wait longer.
        #expect(throttle.admit([(a, limit)], at: at + -10_000) == .wait(2))
    }

    @Test("3: what is abandoned leaves nothing; success forgives the account, not the network")
    func settled() {
        var throttle = Throttle()
        let source = SourceNetwork(octets: [1, 2, 3, 4] as [UInt8])
        let keys: [(key: Throttle.Key, limit: Throttle.Limit)] = [
            (.account([1], source), limit), (.everywhere([1]), limit), (.source(source), limit),
        ]
        guard case .admitted(let one) = throttle.admit(keys, at: at) else {
            Issue.record("not admitted")
            return
        }
        throttle.abandon(one)
        #expect(throttle.count == 0)
        _ = throttle.admit(keys, at: at)
        guard case .admitted(let two) = throttle.admit(keys, at: at) else {
            Issue.record("not admitted")
            return
        }
        throttle.succeed(two)
        #expect(throttle.failures(keys[0].key, at: at) == 0)
        #expect(throttle.failures(keys[1].key, at: at) == 1)
        #expect(throttle.failures(keys[2].key, at: at) == 1)
    }

    @Test("4: its memory is bounded, and a flood of names does not wash out who failed often")
    func bounded() {
        var throttle = Throttle()
        let often = Throttle.Key.everywhere([0xff])
        for _ in 0..<3 { _ = throttle.admit([(often, limit)], at: at) }
        for number in 0..<Throttle.capacity * 2 {
            let octets = (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
            _ = throttle.admit([(.everywhere(octets), limit)], at: at + Int64(number / 1_000))
        }
        #expect(throttle.count <= Throttle.capacity)
        #expect(throttle.failures(often, at: at) == 3)
    }

    @Test("5: buckets of requests")
    func buckets() {
        var limiter = RateLimiter<Int>(burst: 3, interval: 10, capacity: 2)
        func take(_ key: Int, _ offset: Int64) -> Int64? { limiter.take(key, at: at + offset) }
        let first = (0..<4).map { _ in take(1, 0) }
        #expect(first == [nil, nil, nil, 10])
        let later = [take(1, 9), take(1, 10), take(1, 10)]
        #expect(later == [1, nil, 10])
        // With no room for more keys, the frequent one still waits.
        let many = [take(2, 10), take(3, 10), take(1, 10)]
        #expect(many == [nil, nil, 10])
        let rested = (0..<4).map { _ in take(1, 100) }
        #expect(rested == [nil, nil, nil, 10])
    }
}
