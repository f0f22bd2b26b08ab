import NetTypes
import Trust

// The accounts of traffic are passed on as they are: leaves tell them, people do not.

extension AuditedTransaction {
    func usageLeaf(_ leaf: LeafID) throws(DirectoryError) -> UsageLeaf? {
        try tx.usageLeaf(leaf)
    }

    func usageCounter(_ id: UInt64, of leaf: LeafID) throws(DirectoryError) -> UsageCounter? {
        try tx.usageCounter(id, of: leaf)
    }

    func usageNumber(of tenant: Tenant) throws(DirectoryError) -> UsageNumber? {
        try tx.usageNumber(of: tenant)
    }

    func usageParty(_ identity: Identity) throws(DirectoryError) -> UsageParty? {
        try tx.usageParty(identity)
    }

    func usageParty(_ number: UsageNumber) throws(DirectoryError) -> UsageParty? {
        try tx.usageParty(number)
    }

    func usageEnds(of wire: UsageNumber) throws(DirectoryError) -> (source: UsageNumber, destination: UsageNumber)? {
        try tx.usageEnds(of: wire)
    }

    func usageTenure(of identity: Identity, at leaf: LeafID) throws(DirectoryError) -> Timestamp? {
        try tx.usageTenure(of: identity, at: leaf)
    }

    func usageKnows(_ name: Name, of tenant: UsageNumber) throws(DirectoryError) -> Bool {
        try tx.usageKnows(name, of: tenant)
    }

    func usageFigures(of tenant: UsageNumber, _ question: UsageQuestion) throws(DirectoryError) -> [UsageFigure] {
        try tx.usageFigures(of: tenant, question)
    }

    func tenantUsage(step: UsageStep, from: Timestamp, to: Timestamp) throws(DirectoryError) -> [TenantUsage] {
        try tx.tenantUsage(step: step, from: from, to: to)
    }

    func put(_ state: UsageLeaf, of leaf: LeafID) throws(DirectoryError) {
        try tx.put(state, of: leaf)
    }

    func put(_ counter: UsageCounter, id: UInt64, run: UInt64, of leaf: LeafID) throws(DirectoryError) {
        try tx.put(counter, id: id, run: run, of: leaf)
    }

    func touch(usageCounter id: UInt64, run: UInt64, of leaf: LeafID) throws(DirectoryError) {
        try tx.touch(usageCounter: id, run: run, of: leaf)
    }

    func delete(usageCounter id: UInt64, of leaf: LeafID) throws(DirectoryError) {
        try tx.delete(usageCounter: id, of: leaf)
    }

    func deleteUsageCounters(of leaf: LeafID, except run: UInt64) throws(DirectoryError) {
        try tx.deleteUsageCounters(of: leaf, except: run)
    }

    func enterUsageParty(_ endpoint: Endpoint, of tenant: Tenant) throws(DirectoryError) -> UsageParty {
        try tx.enterUsageParty(endpoint, of: tenant)
    }

    func enterUsageWire(_ pair: TrafficPair, source: UsageParty, destination: UsageParty) throws(DirectoryError)
        -> UsageNumber
    {
        try tx.enterUsageWire(pair, source: source, destination: destination)
    }

    func putUsageTenure(of identity: Identity, at leaf: LeafID, until: Timestamp) throws(DirectoryError) {
        try tx.putUsageTenure(of: identity, at: leaf, until: until)
    }

    func add(
        _ traffic: Traffic, to number: UsageNumber, _ kind: UsageKind, of tenant: UsageNumber, at moment: Timestamp
    ) throws(DirectoryError) {
        try tx.add(traffic, to: number, kind, of: tenant, at: moment)
    }

    @discardableResult
    func deleteUsage(hoursBefore: Timestamp, daysBefore: Timestamp, at now: Timestamp) throws(DirectoryError) -> Int {
        try tx.deleteUsage(hoursBefore: hoursBefore, daysBefore: daysBefore, at: now)
    }

    func sweepUsage() throws(DirectoryError) {
        try tx.sweepUsage()
    }
}
