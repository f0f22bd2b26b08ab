import Testing

@testable import LeafAgent

@Suite("Failures that repeat") struct RepeatedFailuresTests {
    private let began = ContinuousClock.now

    private func after(_ seconds: Int) -> ContinuousClock.Instant { began.advanced(by: .seconds(seconds)) }

    @Test("The same failure is told once, and again after a while with its number") func same() {
        var failures = RepeatedFailures()
        #expect(note(&failures, "refused", "a", 0) == 0)
        for second in 1..<300 { #expect(note(&failures, "refused", "a", second) == nil) }
        #expect(note(&failures, "refused", "a", 300) == 299)
        #expect(note(&failures, "refused", "a", 301) == nil)
    }

    @Test("Another failure, another name and one after it worked are told at once") func others() {
        var failures = RepeatedFailures()
        #expect(note(&failures, "refused", "a", 0) == 0)
        #expect(note(&failures, "refused", "b", 0) == 0)
        #expect(note(&failures, "refused", "a", 1) == nil)
        #expect(note(&failures, "timed out", "a", 2) == 0)
        #expect(note(&failures, "refused", "a", 3) == 0)
        failures.clear()
        #expect(note(&failures, "refused", "a", 4) == 0)
        #expect(note(&failures, "refused", "b", 4) == 0)
    }

    private func note(_ failures: inout RepeatedFailures, _ failure: String, _ name: String, _ second: Int) -> Int? {
        failures.note(failure, of: name, at: after(second))
    }
}
