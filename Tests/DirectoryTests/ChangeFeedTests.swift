import DirectoryCore
import NetTypes
import Testing

@Suite("The change feed")
struct ChangeFeedTests {
    private func change(_ index: Int) -> DirectoryChange { .portsChanged(LeafID(UInt128(index))) }

    @Test("Every reader gets everything from its beginning on, in order")
    func order() async {
        let feed = ChangeFeed(capacity: 10)
        let first = feed.changes()
        feed.send([change(1), change(2)])
        let second = feed.changes()
        feed.send([change(3)])
        var one = first.makeAsyncIterator()
        var two = second.makeAsyncIterator()
        for index in 1...3 { #expect(await one.next() == change(index)) }
        #expect(await two.next() == change(3))
        // A reader that waits is woken.
        async let waited = first.first { _ in true }
        await Task.yield()
        feed.send([change(4)])
        #expect(await waited == change(4))
    }

    @Test("A slow reader is told to read again, and loses nothing after that", arguments: [10, 11, 25])
    func overflow(_ count: Int) async {
        let feed = ChangeFeed(capacity: 10)
        var slow = feed.changes().makeAsyncIterator()
        for index in 1...count { feed.send([change(index)]) }
        var seen: [DirectoryChange] = []
        let last = change(count)
        while let next = await slow.next() {
            seen.append(next)
            if next == last || seen.count == 10 { break }
            if next == .resync, count == 11 { break }
        }
        // Ten fit. The eleventh empties the queue, and so is itself within what is to be read again; with the resync
        // nine more fit, and the twenty-first empties it again.
        switch count {
        case 10: #expect(seen == (1...10).map(change))
        case 11: #expect(seen == [.resync])
        default: #expect(seen == [.resync] + (22...25).map(change))
        }
        feed.send([change(100)])
        #expect(await slow.next() == change(100))
    }

    @Test("A reader that is cancelled ends, and holds up nobody")
    func cancel() async {
        let feed = ChangeFeed(capacity: 2)
        let stream = feed.changes()
        let reader = Task { for await _ in stream {} }
        await Task.yield()
        reader.cancel()
        await reader.value
        for index in 1...100 { feed.send([change(index)]) }
    }
}
