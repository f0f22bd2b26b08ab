import Crypto
import NetTypes
import Testing

@testable import AuditLog

@Suite("The chain of the audit, and its verification")
struct ChainTests {
    private func book(_ count: Int) -> Book {
        var book = Book()
        book.fill(count)
        return book
    }

    @Test("1: an export is intact, whole or from a number on")
    func intact() throws {
        let book = book(12)
        let whole = book.verify(try book.lines(checkpointsAfter: [3, 7]))
        #expect(whole.isIntact && whole.faults.isEmpty && whole.entries == 1...12 && whole.signedThrough == 12)
        #expect(whole.chain == .platform && whole.signedAt == Book.start.seconds)
        let part = book.verify(try book.lines(from: 5))
        #expect(part.isIntact && part.entries == 5...12)
        let empty = Book()
        #expect(empty.verify([try empty.statement().line, try empty.checkpoint().line]).isIntact)
    }

    @Test("2: each entry reads as what was written")
    func readBack() throws {
        let tenant = AuditChainName(tenant: try Name(parsing: "acme"), id: [UInt8](repeating: 0xab, count: 16))
        #expect(tenant.text == "tenant/acme/abababababababab" && AuditChainName(parsing: tenant.text) == tenant)
        for bad in [
            "", "x", "tenant", "tenant/acme", "tenant/Acme/abababababababab", "tenant/acme/ABABABABABABABAB",
            "tenant/acme/ab",
        ] {
            #expect(AuditChainName(parsing: bad) == nil)
        }
        let actors: [AuditEvent.Actor] = [
            .user(id: "1", name: "ada"), .installation, .system, .unknown(name: nil),
            .unknown(name: "x\u{202e}\n\"<script>"),
        ]
        let means: [AuditEvent.Means] = [
            .session("a"), .token("b"), .certificate("c"), .command, .platformToken, .none,
        ]
        let outcomes: [AuditEvent.Outcome] = [.done, .refused("role"), .failed("storage")]
        var book = Book(chain: tenant)
        for actor in actors {
            for means in means {
                for outcome in outcomes {
                    let event = AuditEvent(
                        time: Book.start, actor: actor, means: means, source: "2001:db8::1", action: "plug",
                        resource: "r",
                        grant: "g", before: .null, after: .list([.number(1)]), note: "n", outcome: outcome)
                    book.add(event)
                    let last = try #require(book.entries.last)
                    #expect(last.entry.event == event && AuditEntry(line: last.line) == last.entry)
                    #expect(last.line.allSatisfy { (0x20...0x7e).contains($0) })
                }
            }
        }
        #expect(book.verify(try book.lines()).isIntact)
        let checkpoint = try book.checkpoint()
        #expect(AuditCheckpoint(line: checkpoint.line) == checkpoint)
    }

    @Test("3: the longest entry fits into a line; longer texts are cut")
    func longest() throws {
        let wide = String(repeating: "\u{1F600}", count: 10_000)
        var book = Book()
        book.add(
            AuditEvent(
                time: Timestamp(.min), actor: .user(id: wide, name: wide), means: .token(wide), source: wide,
                action: wide,
                resource: wide, grant: wide, before: .text(String(repeating: "a", count: AuditLimits.state - 2)),
                after: .text(String(repeating: "b", count: AuditLimits.state - 2)), note: wide, outcome: .refused(wide))
        )
        let line = try #require(book.entries.last?.line)
        #expect(line.count <= AuditLimits.line && line.count > 40_000)
        #expect(book.entries.last?.entry.event.before?.value.text?.count == AuditLimits.state - 2)
        #expect(book.verify(try book.lines()).isIntact)
    }

    @Test("4: each single bit of an export that is flipped is found, and its line is named")
    func everyBit() throws {
        let book = book(4)
        let lines = try book.lines(checkpointsAfter: [2])
        var before = AuditVerifier(root: book.rootInfo)
        for (number, line) in lines.enumerated() {
            for place in line.indices {
                for bit in 0..<8 {
                    var bad = line
                    bad[place] ^= 1 << UInt8(bit)
                    // A changed entry shows where the next line follows on it; what comes then makes nothing good.
                    var verifier = before
                    verifier.take(bad)
                    if verifier.soFar.faults.isEmpty, number + 1 < lines.count { verifier.take(lines[number + 1]) }
                    guard let found = verifier.soFar.faults.first?.line, (number + 1...number + 2).contains(found)
                    else {
                        Issue.record("bit \(bit) of byte \(place) of line \(number + 1): \(verifier.soFar.faults)")
                        return
                    }
                }
            }
            before.take(line)
        }
        #expect(before.finish().isIntact)
    }

    @Test("4b: a line's end that is flipped is found")
    func everyEnd() throws {
        let book = book(4)
        let lines = try book.lines(checkpointsAfter: [2])
        let export = Book.joined(lines)
        for (number, place) in export.indices.filter({ export[$0] == 0x0a }).enumerated() {
            for bit in 0..<8 {
                var bad = export
                bad[place] ^= 1 << UInt8(bit)
                let report = AuditVerifier.verify(bad, root: book.rootInfo)
                #expect(!report.isIntact && report.faults.first?.line == number + 1, "\(number) \(bit)")
            }
        }
    }

    @Test("5: a removed, doubled or exchanged line is named")
    func lines() throws {
        let book = book(9)
        let lines = try book.lines()
        for place in 1...9 {
            var removed = lines
            removed.remove(at: place)
            let report = book.verify(removed)
            let expected: AuditFault.Kind =
                switch place {
                case 1: .baseless(2)
                case 9: .truncated(stated: 9, found: 8)
                default: .missing(UInt64(place)...UInt64(place))
                }
            #expect(report.faults.first?.kind == expected, "\(place): \(report.faults)")
            var doubled = lines
            doubled.insert(lines[place], at: place)
            #expect(book.verify(doubled).faults == [AuditFault(line: place + 2, kind: .misplaced(UInt64(place)))])
        }
        for (a, b) in [(2, 3), (1, 9), (4, 7)] {
            var exchanged = lines
            exchanged.swapAt(a, b)
            #expect(!book.verify(exchanged).isIntact, "\(a) and \(b)")
        }
        let report = book.verify(Array(lines[0...3] + lines[7...]))
        #expect(report.faults == [AuditFault(line: 5, kind: .missing(4...6))])
    }

    @Test("6: a cut end is found by any later checkpoint, in the export or from elsewhere")
    func truncation() throws {
        let book = book(9)
        let lines = try book.lines()
        let short = Array(lines[0...6])
        let alone = book.verify(short)
        #expect(alone.faults.isEmpty && !alone.isIntact && alone.unsigned == 6)
        #expect(
            book.verify(short, expecting: [try book.checkpoint()]).faults.map(\.kind) == [
                .truncated(stated: 9, found: 6)
            ])
        #expect(
            book.verify(short + [try book.checkpoint(at: 6).line], expecting: [try book.checkpoint(at: 6)]).isIntact)
        #expect(
            book.verify(short + [try book.checkpoint().line]).faults.map(\.kind) == [.truncated(stated: 9, found: 6)])
        // The whole beginning is needed, too.
        #expect(book.verify([lines[0]] + lines[4...]).faults.first?.kind == .baseless(4))
        #expect(book.verify([]).faultCount > 0)
        let unended = AuditVerifier.verify(Array(Book.joined(lines).dropLast()), root: book.rootInfo)
        #expect(!unended.isIntact)
    }

    @Test("7: a chain that was written anew from a number on contradicts the checkpoints that are known")
    func rewritten() throws {
        var book = book(5)
        let known = try book.checkpoint()
        let former = book
        var changed = Book()
        changed.fill(2)
        book.entries = changed.entries
        book.head = changed.head
        for number in 0..<3 {
            book.add(
                AuditEvent(
                    time: Book.start, actor: .system, means: .none, source: nil, action: "other\(number)"))
        }
        // Whoever has the key can sign it; only what is kept elsewhere tells.
        #expect(book.verify(try book.lines()).isIntact)
        #expect(book.verify(try book.lines(), expecting: [known]).faults.map(\.kind) == [.contradicted(5)])
        #expect(former.verify(try former.lines(), expecting: [known]).isIntact)
    }

    @Test("8: another key, another root, another chain's checkpoint: refused")
    func forged() throws {
        let book = book(3)
        let other = Book()
        var lines = try book.lines()
        #expect(AuditVerifier.verify(Book.joined(lines), root: other.rootInfo).faults.first?.kind == .untrustedKey)
        lines[0] = try other.statement().line
        #expect(book.verify(lines).faults.first?.kind == .untrustedKey)
        lines = try book.lines()
        let forged = try AuditCheckpoint(book.head, of: .platform, at: Book.start, sign: Book.sign(other.key))
        lines[lines.count - 1] = forged.line
        #expect(book.verify(lines).faults == [AuditFault(line: 5, kind: .forged(3))])
        let acme = AuditChainName(tenant: try Name(parsing: "acme"), id: [UInt8](repeating: 1, count: 8))
        let foreign = try AuditCheckpoint(book.head, of: acme, at: Book.start, sign: Book.sign(book.key))
        lines[lines.count - 1] = foreign.line
        #expect(book.verify(lines).faults == [AuditFault(line: 5, kind: .foreign(acme.text))])
        let inserted = SealedEntry(book.entries[1].entry.event, in: acme, after: book.entries[0].head)
        lines = try book.lines()
        lines[2] = inserted.line
        #expect(book.verify(lines).faults.first == AuditFault(line: 3, kind: .foreign(acme.text)))
    }

    @Test("9: the twin of a signature is the same signature; a checkpoint speaks for its own head only")
    func twins() throws {
        let book = book(3)
        var lines = try book.lines()
        let mixed = try AuditCheckpoint(
            AuditHead(count: 3, hash: book.entries[1].head.hash), of: .platform, at: Book.start,
            sign: Book.sign(book.key))
        lines[lines.count - 1] = mixed.line
        #expect(book.verify(lines).faults == [AuditFault(line: 5, kind: .contradicted(3))])
    }

    @Test("10: random damage of several lines is always found, and the number of listed faults is bounded")
    func damage() throws {
        let seed: UInt64 = 21
        var g = SeededGenerator(seed: seed)
        let book = book(30)
        let lines = try book.lines(checkpointsAfter: [10, 20])
        for round in 0..<100 {
            var bad = lines
            for _ in 0..<Int.random(in: 1...3, using: &g) {
                let place = Int.random(in: 1..<bad.count, using: &g)
                switch Int.random(in: 0...3, using: &g) {
                case 0: bad.remove(at: place)
                case 1: bad.insert(bad[Int.random(in: 1..<bad.count, using: &g)], at: place)
                case 2: bad.swapAt(place, Int.random(in: 1..<bad.count, using: &g))
                default: bad[place] = Array("{}".utf8)
                }
            }
            // Taking an inner checkpoint away, or one twice, takes nothing of the entries.
            func entries(_ lines: [[UInt8]]) -> [[UInt8]] { lines.filter { AuditEntry(line: $0) != nil } }
            let isHarmless = entries(bad) == entries(lines) && bad.last == lines.last
            let report = book.verify(bad)
            guard report.isIntact == false || isHarmless else {
                Issue.record("seed \(seed), round \(round): not found")
                return
            }
        }
        let garbage = [try book.statement().line] + [[UInt8]](repeating: [0x7b], count: 1_000)
        let report = book.verify(garbage)
        #expect(report.faults.count == AuditLimits.faults && report.faultCount == 1_001)
        let endless = book.verify([[UInt8](repeating: 0x61, count: 1 << 20)])
        #expect(endless.faultCount > 0)
    }
}

@Suite("Loss is said")
struct LossTests {
    private func refusal(_ number: Int, _ action: String = "showPolicy") -> AuditEvent {
        AuditEvent(
            time: Book.start + Int64(number), actor: .unknown(name: nil), means: .none, source: "192.0.2.1",
            action: action,
            outcome: .refused("unauthenticated"))
    }

    @Test("1: what finds no room is counted, by kind and time, before all else")
    func overflow() throws {
        var buffer = AuditBuffer(capacity: 4)
        let acme = AuditChainName(tenant: try Name(parsing: "acme"), id: [UInt8](repeating: 1, count: 8))
        for number in 0..<10 {
            buffer.add(refusal(number, number % 2 == 0 ? "plug" : "signIn"), to: number < 8 ? .platform : acme)
        }
        let batch = buffer.take(at: Book.start + 60)
        #expect(batch.count == 6 && buffer.isEmpty)
        #expect(batch[0].chain == .platform && batch[1].chain == acme)
        let after = try #require(batch[0].event.after?.value)
        #expect(batch[0].event.action == AuditEvent.lossAction)
        #expect(
            after["count"] == .number(4) && after["actions"] == .object(["plug": .number(2), "signIn": .number(2)]))
        #expect(after["from"] == .number(Book.start.seconds + 4) && after["to"] == .number(Book.start.seconds + 7))
        #expect(batch[2...].map(\.event.time.seconds) == (0..<4).map { Book.start.seconds + $0 })
        let again = buffer.take(at: Book.start)
        #expect(again.isEmpty)
    }

    @Test("2: what could not be written is counted, losses among it, and nothing is counted twice")
    func failures() throws {
        var buffer = AuditBuffer(capacity: 3)
        var total = 0
        for round in 0..<5 {
            for number in 0..<7 {
                buffer.add(refusal(round * 10 + number), to: .platform)
                total += 1
            }
            let batch = buffer.take(at: Book.start)
            buffer.failed(batch)
        }
        let batch = buffer.take(at: Book.start)
        #expect(batch.count == 1)
        #expect(batch[0].event.after?.value["count"] == .number(Int64(total)))
        #expect(batch[0].event.after?.value["from"] == .number(Book.start.seconds))
        #expect(batch[0].event.after?.value["to"] == .number(Book.start.seconds + 46))
    }

    @Test("3: many kinds and chains do not make the memory grow")
    func bounded() throws {
        var buffer = AuditBuffer(capacity: 1)
        for number in 0..<5_000 {
            let id = (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
            buffer.add(
                refusal(0, "a\(number)" + String(repeating: "x", count: 10_000)),
                to: AuditChainName(tenant: try Name(parsing: "t"), id: id))
        }
        let batch = buffer.take(at: Book.start)
        #expect(batch.count <= 1_026)
        let counted = batch.compactMap { $0.event.after?.value["count"]?.number }.reduce(0, +)
        #expect(counted == 4_999)
    }

    @Test("4: a controller that ended without a word says so when it begins again")
    func restart() {
        #expect(AuditEvent.beginning(after: nil, at: Book.start).map(\.action) == ["start"])
        #expect(AuditEvent.beginning(after: "stop", at: Book.start).map(\.action) == ["start"])
        #expect(AuditEvent.beginning(after: "start", at: Book.start).map(\.action) == ["loss", "start"])
        #expect(AuditEvent.ending(at: Book.start).action == "stop")
    }

    @Test("5: a verification counts the losses that are said")
    func report() throws {
        var book = Book()
        book.fill(2)
        for event in AuditEvent.beginning(after: "start", at: Book.start) { book.add(event) }
        let report = book.verify(try book.lines())
        #expect(report.isIntact && report.losses == 1)
    }
}
