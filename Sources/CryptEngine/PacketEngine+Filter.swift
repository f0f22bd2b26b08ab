internal import ESP
internal import LinuxKit
internal import PacketIO
internal import SPIFilter

extension SPIFilter.Reason {
    /// The engine's own name for it.
    var drop: ESPDrop {
        switch self {
        case .keepalive: .keepalive
        case .malformed: .malformed
        case .notESP: .notESP
        case .unknownSPI: .unknownSPI
        }
    }
}

extension PacketEngine {
    /// Puts the filter on the receive sockets, with the groups that are installed, in place of a former engine's.
    ///
    /// Without a filter a former one is taken off: nobody keeps it in step any more. The same after an error.
    func attachFilter() throws(EngineError) {
        isFiltered = false
        do throws(SystemCallError) {
            guard let filter else { return try detachFilters() }
            // It may be on the sockets already: what is installed passes all the time.
            filter.setCapacity(table.capacity)
            for place in 0..<table.capacity {
                if table.receiveRecords[place].isInstalled { admit(place) } else { filter.refuse(at: place) }
            }
            do throws(SystemCallError) {
                try forEachReceiveSocket { socket throws(SystemCallError) in try filter.attach(to: socket) }
            } catch {
                try detachFilters()
                throw error
            }
            isFiltered = true
        } catch {
            throw .system(error)
        }
    }

    /// Lets the packets of a group reach their threads.
    func admit(_ place: Int) {
        let record = table.receiveRecords[place]
        filter?.admit(spiBase: record.spiBase, queues: record.queues, at: place)
    }

    /// Brings the table's row of the filter up to date: what former engines' filters dropped, and what this one's did.
    func publishFilterDrops() {
        guard let filter else { return }
        let base = filterBase
        table.drops.withElement(TableLayout.filterDrops) { row in
            for reason in SPIFilter.Reason.allCases {
                let index = Int(reason.drop.rawValue)
                row.esp[index] = base.esp[index] &+ filter.drops(reason)
            }
        }
    }

    private func detachFilters() throws(SystemCallError) {
        try forEachReceiveSocket { socket throws(SystemCallError) in try SPIFilter.detach(from: socket) }
    }

    private func forEachReceiveSocket(
        _ body: (borrowing DatagramSocket) throws(SystemCallError) -> Void
    ) throws(SystemCallError) {
        for queue in devices.queues {
            if let socket = queue.receive4 { try body(socket.socket) }
            if let socket = queue.receive6 { try body(socket.socket) }
        }
    }
}
