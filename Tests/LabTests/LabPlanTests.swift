import NetTypes
import Testing

@testable import Lab

@Suite("The plan of a lab")
struct LabPlanTests {
    @Test("The lab of the tour: seven endpoints where its chapters expect them, one prefix for both tenants")
    func tour() throws {
        let plan = try LabPlan(LabOptions())
        #expect(plan.hosts.map(\.namespace) == ["pb-h1", "pb-h2", "pb-h3"])
        #expect(
            plan.endpoints.map { "\($0.fullName) \($0.ipv4) \($0.host) \($0.namespace)" } == [
                "acme/web1 10.0.0.1 h1 pb-acme-web1", "acme/web2 10.0.0.2 h2 pb-acme-web2",
                "acme/db1 10.0.0.3 h2 pb-acme-db1", "acme/batch1 10.0.0.4 h3 pb-acme-batch1",
                "globex/web1 10.0.0.1 h1 pb-globex-web1", "globex/db1 10.0.0.3 h2 pb-globex-db1",
                "globex/probe1 10.0.0.4 h3 pb-globex-probe1",
            ])
        #expect(plan.prefix == "10.0.0.0/24")
        #expect(plan.groups(of: "acme") == ["batch", "db", "web"])
        #expect(plan.locator(plan.hosts[1]).description == "10.200.0.2")
    }

    @Test("A larger lab: names, addresses and hosts are unique where they must be", arguments: [1, 2, 40, 501, 1000])
    func larger(count: Int) throws {
        let plan = try LabPlan(LabOptions(hosts: 5, endpoints: count, underlay: .ipv6))
        #expect(plan.endpoints.count == count)
        #expect(Set(plan.endpoints.map(\.namespace)).count == count)
        let prefix = try IPv4Prefix(parsing: plan.prefix)
        for tenant in plan.tenants {
            let own = plan.endpoints.filter { $0.tenant == tenant }
            let addresses = try own.map { try IPv4Address(parsing: $0.ipv4) }
            #expect(Set(addresses).count == own.count)
            for address in addresses { #expect(prefix.contains(address) && prefix.hosts.contains(address.value)) }
        }
        #expect(Set(plan.endpoints.map(\.host)).isSubset(of: Set(plan.hosts.map(\.name))))
        #expect(plan.locator(plan.hosts[4]).description == "fd00:200::5")
    }

    @Test("Numbers out of range are refused", arguments: [(0, 7), (201, 7), (3, 0), (3, 1001), (-1, 7)])
    func range(hosts: Int, endpoints: Int) {
        #expect(throws: LabError.self) { try LabPlan(LabOptions(hosts: hosts, endpoints: endpoints)) }
    }
}

@Suite("What the tour reads of other programs")
struct TourParsingTests {
    @Test("Intervals of iperf3, without the sums")
    func intervals() {
        let output = """
            [ ID] Interval           Transfer     Bitrate         Retr  Cwnd
            [  5]   0.00-0.50   sec  1.71 GBytes  29.3 Gbits/sec    0    523 KBytes
            [  5]   0.50-1.00   sec   640 KBytes  10.5 Mbits/sec    0    523 KBytes
            [  5]   1.00-1.50   sec  0.00 Bytes  0.00 bits/sec    2   1.37 KBytes
            - - - - - - - - - - - - - - - - - - - - - - - - -
            [  5]   0.00-1.50   sec  1.71 GBytes  9.77 Gbits/sec    2             sender
            [  5]   0.00-1.50   sec  1.71 GBytes  9.77 Gbits/sec                  receiver
            """
        let rates = Interval.parse(output).map { ($0.from, $0.to, $0.bitsPerSecond) }
        #expect(rates.map(\.0) == [0, 0.5, 1])
        #expect(rates.map(\.1) == [0.5, 1, 1.5])
        #expect(rates.map(\.2) == [29.3e9, 10.5e6, 0])
    }

    @Test("The longest silence between two pings")
    func gap() {
        let output = """
            PING db1 (10.0.0.3) 56(84) bytes of data.
            [1700000000.100000] 64 bytes from 10.0.0.3: icmp_seq=1 ttl=64 time=0.05 ms
            [1700000000.110000] 64 bytes from 10.0.0.3: icmp_seq=2 ttl=64 time=0.05 ms
            [1700000000.353000] From 10.0.0.1 icmp_seq=9 Destination Host Unreachable
            [1700000000.460000] 64 bytes from 10.0.0.3: icmp_seq=37 ttl=64 time=0.05 ms
            """
        let gap = Tour.longestGap(output)
        #expect(gap.milliseconds == 350)
        #expect(gap.answers == 3)
    }
}
