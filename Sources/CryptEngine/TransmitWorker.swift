internal import AEAD
internal import ESP
internal import PacketIO

/// A transmit thread: frames from its TAP queue, sealed, to the peers. Nothing of it is shared with another thread.
///
/// One loop, its state in locals, no allocation: 1. commands, 2. read, 3. whose is it, 4. seal, 5. send when the burst
/// is full, the peer changes, or nothing more is there.
struct TransmitWorker {
    private let context: WorkerContext
    private let entries: MemoryRegion<TransmitEntry>
    private let tap: TapPort
    private let port4: DatagramPort
    private let port6: DatagramPort
    private var sealer = Sealer()
    private var burst = Burst()
    /// The slot that the burst is for.
    private var burstSlot = 0
    private var cuts: Bool
    private var own: InlineArray<8, UInt64> = .init(repeating: 0)
    /// What former engines' threads counted, once the last of them has stopped.
    private var base = DropRow()
    private var answers = AnswerBudget()

    private init(_ context: WorkerContext) {
        self.context = context
        entries = context.table.transmit
        tap = context.devices.tap.port
        port4 = context.devices.sendPort4
        port6 = context.devices.sendPort6
        cuts = context.cutsInKernel
    }

    /// The thread's whole life: prepares, answers, waits for the start, and ends with the answer to `stop`.
    static func run<Cipher: PacketCipher & ~Copyable>(_ type: Cipher.Type, _ context: WorkerContext) {
        do {
            var cipher = try Cipher(capacity: context.table.capacity)
            var frames = try PacketMemory(byteCount: ESPLimits.frameBufferByteCount)
            var pieces = try PacketMemory(byteCount: ESPLimits.frameBufferByteCount)
            var bursts = try PacketMemory(byteCount: ESPLimits.burstBufferByteCount)
            for slot in 0..<context.table.capacity where context.table.transmitRecords[slot].isInstalled {
                let entry = slot * TableLayout.queues + context.queue
                try context.table.transmit.withElement(entry) { entry throws(CipherError) in
                    guard let level = entry.association.level else { return }
                    try cipher.install(slot, key: entry.association.key, level: level)
                }
            }
            var worker = TransmitWorker(context)
            frames.withBytes { frame in
                pieces.withBytes { piece in
                    bursts.withBytes { output in
                        context.mailbox.answer()
                        worker.loop(&cipher, &frame, &piece, &output)
                    }
                }
            }
        } catch {
            context.signals.failure.withLock { $0 = "\(error)" }
            context.mailbox.answer(failed: true)
        }
    }

    private mutating func loop<Cipher: PacketCipher & ~Copyable>(
        _ cipher: inout Cipher, _ frame: inout MutableSpan<UInt8>, _ piece: inout MutableSpan<UInt8>,
        _ output: inout MutableSpan<UInt8>
    ) {
        let limit = ESPLimits.frameBufferByteCount - ESPLimits.tailroomByteCount
        let mailbox = context.mailbox
        var busy = BusyPoll(looks: context.busyPoll)
        var isRunning = false
        while true {
            // 1. Commands, with no packet in hand.
            if mailbox.hasCommand {
                send(output)
                guard perform(&cipher, &isRunning) else { return }
            }
            guard isRunning else {
                _ = mailbox.wakeUp.wait(milliseconds: -1)
                continue
            }
            // 2. Read.
            switch tap.read(into: &frame, limit: limit) {
            case .bytes(let count):
                busy.packetCame()
                take(&cipher, &frame, count, &piece, &output)
            case .nothing, .failed:
                send(output)
                if busy.looksAgain() { continue }
                publish()
                PacketWait.forFrame(on: tap, or: mailbox.wakeUp)
                busy.woke()
            }
        }
    }

    @inline(__always)
    private mutating func take<Cipher: PacketCipher & ~Copyable>(
        _ cipher: inout Cipher, _ frame: inout MutableSpan<UInt8>, _ count: Int, _ piece: inout MutableSpan<UInt8>,
        _ output: inout MutableSpan<UInt8>
    ) {
        // 3. Whose is it?
        guard count >= ESPLimits.packetOffset, let wire = Sealer.wire(of: frame.span),
            wire < UInt32(truncatingIfNeeded: context.table.capacity), cipher.level(of: Int(wire)) != nil
        else { return drop(.noWire) }
        let slot = Int(wire)
        if slot != burstSlot {
            send(output)
            burstSlot = slot
        }
        // 4. Seal.
        let path = entries.withElement(slot &* TableLayout.queues &+ context.queue) { $0.association.path }
        switch sealer.begin(&frame, byteCount: count, path: path) {
        case .ready(var job): seal(&cipher, &job, slot, &frame, &output)
        case .dropped: return
        case .tooBig(let mtu): tooBig(&cipher, slot, mtu, path, &frame, count, &piece, &output)
        }
    }

    @inline(__always)
    private mutating func seal<Cipher: PacketCipher & ~Copyable>(
        _ cipher: inout Cipher, _ job: inout SealJob, _ slot: Int, _ frame: inout MutableSpan<UInt8>,
        _ output: inout MutableSpan<UInt8>
    ) {
        while true {
            let progress = entries.withElement(slot &* TableLayout.queues &+ context.queue) { entry in
                sealer.seal(
                    &job, frame: &frame, association: &entry.association, slot: slot, cipher: &cipher, burst: &burst,
                    output: &output)
            }
            guard case .burstFull = progress else { return }
            send(output)
        }
    }

    /// 5. Sends what stands in the burst.
    private mutating func send(_ output: borrowing MutableSpan<UInt8>) {
        guard !burst.isEmpty else { return }
        let entry = burstSlot &* TableLayout.queues &+ context.queue
        let peer = entries.withElement(entry) { $0.peer }
        let port = entries.withElement(entry) { $0.association.path.family } == .v6 ? port6 : port4
        let bytes = output.span.extracting(0..<burst.byteCount)
        let segment = burst.segmentByteCount
        var result = cuts ? port.send(bytes, segment: segment, to: peer) : .cannotSegment
        if case .cannotSegment = result {
            if cuts { context.signals.cannotCut.store(true, ordering: .relaxed) }
            cuts = false
            result = port.sendEach(bytes, segment: segment, to: peer)
        }
        switch result {
        case .sent: break
        case .tooBig:
            own[EngineDrop.underlayTooSmall.rawValue] &+= UInt64(burst.packets)
            context.signals.underlayTooSmall.store(
                UInt64(burstSlot) << 32 | UInt64(segment), ordering: .relaxed)
        case .cannotSegment, .failed: own[EngineDrop.sendFailed.rawValue] &+= UInt64(burst.packets)
        }
        burst.reset()
    }

    /// A packet that does not fit: cut where its sender allows it, else its sender is told.
    private mutating func tooBig<Cipher: PacketCipher & ~Copyable>(
        _ cipher: inout Cipher, _ slot: Int, _ mtu: Int, _ path: ESPPath, _ frame: inout MutableSpan<UInt8>,
        _ count: Int, _ piece: inout MutableSpan<UInt8>, _ output: inout MutableSpan<UInt8>
    ) {
        if var fragments = InnerFragments(&frame, byteCount: count, mtu: mtu) {
            own[EngineDrop.fragmented.rawValue] &+= 1
            while let length = fragments.next(&frame, into: &piece) {
                guard case .ready(var job) = sealer.begin(&piece, byteCount: length, path: path) else { continue }
                seal(&cipher, &job, slot, &piece, &output)
            }
            return
        }
        guard answers.take(at: PacketWait.now),
            let answer = tooBigAnswer(to: frame.span.extracting(0..<count), slot: UInt32(slot), mtu: mtu)
        else { return drop(.unanswered) }
        own[EngineDrop.answered.rawValue] &+= 1
        if tap.write(answer.span) != 0 { drop(.deliverFailed) }
    }

    private mutating func drop(_ reason: EngineDrop) { own[reason.rawValue] &+= 1 }

    /// Writes the counters where the control thread and a successor find them.
    private func publish() {
        context.table.drops.withElement(context.queue) { $0.set(base, plus: own, sealer.drops) }
    }

    /// Carries out a command; false ends the thread.
    private mutating func perform<Cipher: PacketCipher & ~Copyable>(
        _ cipher: inout Cipher, _ isRunning: inout Bool
    ) -> Bool {
        if isRunning { publish() }
        let mailbox = context.mailbox
        switch mailbox.take() {
        case .stop:
            mailbox.answer()
            return false
        case .start:
            base = context.table.drops[context.queue]
            isRunning = true
            mailbox.answer()
        case .installTransmit(let slot): mailbox.answer(failed: !install(&cipher, slot))
        case .changePath(let slot):
            let staged = context.table.stagedTransmit[context.queue]
            entries.withElement(slot &* TableLayout.queues &+ context.queue) {
                $0.peer = staged.peer
                $0.association.path = staged.association.path
            }
            mailbox.answer()
        case .retireTransmit(let slot):
            cipher.remove(slot)
            entries.wipe(slot &* TableLayout.queues &+ context.queue)
            mailbox.answer()
        case .installReceive, .retireReceive: mailbox.answer(failed: true)
        case nil: break
        }
        return true
    }

    private func install<Cipher: PacketCipher & ~Copyable>(_ cipher: inout Cipher, _ slot: Int) -> Bool {
        let entry = slot &* TableLayout.queues &+ context.queue
        entries.copy(context.table.stagedTransmit, context.queue, to: entry)
        let isInstalled = entries.withElement(entry) { entry in
            guard let level = entry.association.level else { return false }
            do {
                try cipher.install(slot, key: entry.association.key, level: level)
                return true
            } catch {
                return false
            }
        }
        if !isInstalled { entries.wipe(entry) }
        return isInstalled
    }
}
