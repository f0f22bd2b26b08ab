import APITypes
import DirectoryCore
import Foundation
import LeafProtocol
import NetTypes
import Testing

@testable import ControllerAPI

/// Accounts of traffic: from a leaf's message to CSV.
@Suite struct UsageRESTTests {
    @Test func whatLeavesTellIsShownAndExported() async throws {
        let controller = try TestController()
        try await LiveController.run(controller) { live in
            let (h1, h2) = (try await live.enrol("h1"), try await live.enrol("h2"))
            let (web, db) = (
                try await endpoint("acme/web1", "h1", controller), try await endpoint("acme/db1", "h2", controller)
            )
            controller.pass(seconds: 60)
            var report = Patchbay_Leaf_V1_TrafficReport()
            report.run = 1
            report.readAt = controller.now.seconds
            report.counts = [
                count(1, web, db, .send, 10), count(2, web, db, .send, 5, outside: "203.0.113.7"),
                count(3, db, web, .send, 99),
            ]
            let told = report
            let first = try await live.call(as: h1) { try await $0.account(told) }
            #expect(first.booked && first.receipt == 1 && first.refused == 1, "the third is of an endpoint elsewhere")
            let again = try await live.call(as: h1) { try await $0.account(told) }
            #expect(!again.booked && again.receipt == 1)
            report.counts = [count(1, web, db, .receive, 9)]
            let other = report
            #expect(try await live.call(as: h2) { try await $0.account(other) }.booked)

            try await controller.test { api in
                let wires = try await api.get(Usage.self, "/v1/tenants/acme/usage?by=wire")
                #expect(wires.items.map(\.sentPackets) == [10, 5] && wires.items.map(\.receivedPackets) == [9, 0])
                #expect(wires.items.last?.destination == "203.0.113.7" && wires.items.last?.destinationBorder == "db1")
                let page = try await api.get(Usage.self, "/v1/tenants/acme/usage?by=wire&limit=1")
                let next = try #require(page.next)
                let rest = try await api.get(Usage.self, "/v1/tenants/acme/usage?by=wire&limit=1&cursor=\(next)")
                #expect(page.items + rest.items == wires.items && rest.next == nil)
                let ends = try await api.get(Usage.self, "/v1/tenants/acme/usage?by=endpoint&step=day&endpoint=web1")
                #expect(ends.items.map(\.endpoint) == ["web1"] && ends.items.map(\.sentBytes) == [1_500])
                let wire = try await api.get(WireTraffic.self, "/v1/tenants/acme/wires/web1/db1/traffic")
                #expect(wire.items.map(\.sentPackets) == [10] && wire.items.map(\.receivedBytes) == [900])
                let outside = try await api.get(WireTraffic.self, "/v1/tenants/acme/wires/web1/203.0.113.7/traffic")
                #expect(outside.items.map(\.sentPackets) == [5])
                let all = try await api.get(TenantUsageList.self, "/v1/usage")
                #expect(all.items.map(\.tenant) == ["acme"] && all.items.map(\.sentPackets) == [15])

                let csv = try await api.send(.get, "/v1/tenants/acme/usage/export?by=wire")
                #expect(csv.headers[.contentType] == "text/csv; charset=utf-8; header=present")
                #expect(
                    csv.headers[.contentDisposition]?.hasPrefix("attachment; filename=\"usage-acme-wire-hour-") == true)
                let lines = String(decoding: csv.body, as: UTF8.self).components(separatedBy: "\r\n")
                #expect(lines.count == 4 && lines.last == "")
                #expect(lines[1] == "\(wires.items[0].time),hour,acme,web1,,db1,,10,1000,9,900", "\(lines)")
                #expect(lines[2] == "\(wires.items[0].time),hour,acme,web1,,203.0.113.7,db1,5,500,0,0")
                let json = try await api.get(Usage.self, "/v1/tenants/acme/usage/export?by=wire&format=json")
                #expect(json == wires)
            }
        }
    }

    @Test func whoOfATenantSpeaksWithWhomIsItsOwnAffair() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            let owen = try await TestPerson.make(api, "owen", of: "acme", ["owner"])
            let vic = try await TestPerson.make(api, "vic", of: "acme", ["viewer"])
            let sub = try await TestPerson.make(api, "sub", of: "acme", ["viewer"], groups: ["web"])
            let ops = try await TestPerson.make(api, "ops", of: nil, ["operator"])
            let aud = try await TestPerson.make(api, "aud", of: nil, ["auditor"])
            let path = "/v1/tenants/acme/usage"
            let traffic = "/v1/tenants/acme/wires/web1/db1/traffic"
            func expect(_ who: TestPerson, _ path: String, _ status: Int) async throws {
                let answer = try await who.send(.get, path)
                #expect(answer.status == status, "\(who.name) \(path): \(answer.status)")
            }
            for who in [ops, aud] {
                for by in ["tenant", "endpoint"] {
                    try await expect(who, "\(path)?by=\(by)", 200)
                    try await expect(who, "\(path)/export?by=\(by)", 200)
                }
                try await expect(who, "\(path)?by=wire", 403)
                try await expect(who, "\(path)?by=wire&endpoint=web1&peer=db1", 403)
                try await expect(who, "\(path)/export?by=wire", 403)
                try await expect(who, "\(path)/export?by=wire&format=json", 403)
                try await expect(who, traffic, 403)
            }
            for by in ["tenant", "endpoint", "wire"] {
                try await expect(owen, "\(path)?by=\(by)", 200)
                try await expect(vic, "\(path)?by=\(by)", 200)
                try await expect(owen, "\(path)/export?by=\(by)", 200)
                // Exports are the owners'; sums of a tenant say more than the groups of a sub-user.
                try await expect(vic, "\(path)/export?by=\(by)", 403)
                try await expect(sub, "\(path)?by=\(by)", 403)
            }
            // A grant lets the provider see one wire, and still no list of who speaks with whom.
            let grant = try await owen.send(
                .post, "/v1/tenants/acme/access", json: #"{"roles":["viewer"],"hours":1,"reason":"x"}"#)
            #expect(grant.status == 201)
            try await expect(ops, traffic, 200)
            try await expect(ops, "\(path)?by=wire", 403)
            try await expect(ops, "\(path)/export?by=wire", 403)
            #expect(try await api.send(.get, "\(path)?by=wire").status == 200)
        }
    }

    @Test func badQuestionsNameTheField() async throws {
        try await TestController().test { api in
            try await api.makeAcme()
            let path = "/v1/tenants/acme/usage"
            let bad: [(String, String?, Int)] = [
                ("\(path)?by=host", "by", 400), ("\(path)?step=week", "step", 400),
                ("\(path)?from=yesterday", "from", 400),
                ("\(path)?from=2026-02-30", "from", 400), ("\(path)?from=2026-01-01T24:00:00Z", "from", 400),
                ("\(path)?from=2026-01-01T00:00:00%2B08:00", "from", 400), ("\(path)?from=-1", "from", 400),
                ("\(path)?from=2026-01-02&to=2026-01-01", "to", 400), ("\(path)?from=2020-01-01", "from", 400),
                ("\(path)?step=day&from=1970-01-01", "from", 400), ("\(path)?limit=0", "limit", 400),
                ("\(path)?limit=10001", "limit", 400), ("\(path)?limit=ten", "limit", 400),
                ("\(path)?cursor=1", "cursor", 400), ("\(path)?cursor=1.2.3", "cursor", 400),
                ("\(path)?cursor=01.2", "cursor", 400), ("\(path)?cursor=%27%3BDROP%20TABLE", "cursor", 400),
                ("\(path)?endpoint=web1", "endpoint", 400), ("\(path)?by=endpoint&endpoint=10.0.0.1", "endpoint", 400),
                ("\(path)?by=endpoint&endpoint=%3Cscript%3E", "endpoint", 400),
                ("\(path)?by=wire&peer=db1", "peer", 400), ("\(path)?by=endpoint&endpoint=web1&peer=db1", "peer", 400),
                ("\(path)?by=wire&endpoint=nobody", "endpoint", 404), ("\(path)?nonsense=1", "nonsense", 400),
                ("\(path)?by=wire&by=wire", "by", 400), ("\(path)/export?format=xml", "format", 400),
                ("\(path)/export?limit=1", "limit", 400), ("/v1/tenants/nobody/usage", nil, 404),
                ("/v1/tenants/..%2F..%2Fetc/usage", "tenant", 400), ("/v1/usage?by=wire", "by", 400),
                ("/v1/tenants/acme/wires/web1/nobody/traffic", "peer", 404),
                ("/v1/tenants/acme/wires/web1/%00/traffic", "destination", 400),
            ]
            for (path, pointer, status) in bad {
                let answer = try await api.send(.get, path)
                #expect(answer.status == status, "\(path): \(String(decoding: answer.body, as: UTF8.self))")
                if let pointer { #expect(answer.problem?.pointer?.contains(pointer) == true, "\(path)") }
            }
            #expect(try await api.get(Usage.self, path).items.isEmpty)
            let answer = try await api.send(.get, path, headers: [:])
            #expect(answer.status == 401)
        }
    }

    @Test func cellsAreQuotedAndAreNoFormulas() {
        for (text, cell) in [
            ("web1", "web1"), ("", ""), ("a,b", "\"a,b\""), ("a\"b", "\"a\"\"b\""), ("a\r\nb", "\"a\r\nb\""),
            ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@SUM(A1)", "'@SUM(A1)"), ("\tx", "'\tx"),
            ("=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\""), ("fd00::1", "fd00::1"),
        ] {
            #expect(UsageCSV.cell(text) == cell)
        }
    }

    @Test func malformedCountsAreNotBelieved() async throws {
        let controller = try TestController()
        try await LiveController.run(controller) { live in
            let h1 = try await live.enrol("h1")
            let web = try await endpoint("acme/web1", "h1", controller)
            controller.pass(seconds: 60)
            var report = Patchbay_Leaf_V1_TrafficReport()
            var strange = count(1, web, web, .send, 1)
            strange.outsideSource = Data([1, 2, 3])
            var short = count(2, web, web, .send, 1)
            short.source = Data([1])
            var unknown = count(3, web, web, .send, 1)
            unknown.end = .UNRECOGNIZED(99)
            report.counts = [strange, short, unknown, Patchbay_Leaf_V1_TrafficCount()]
            report.readAt = .min
            report.forgotten = [.max]
            let told = report
            let answer = try await live.call(as: h1) { try await $0.account(told) }
            #expect(answer.booked && answer.refused == 4)
            #expect(
                try await controller.directory.tenantUsage(
                    step: .hour, from: Timestamp(0), to: controller.now + 3_600
                ).isEmpty)
            report.receipt = 1
            report.counts = Array(repeating: strange, count: 10_001)
            let long = report
            await #expect(throws: (any Error).self) { try await live.call(as: h1) { try await $0.account(long) } }
        }
    }

    private func endpoint(_ text: String, _ host: String, _ controller: TestController) async throws -> Identity {
        let name = try TenantName(parsing: text)
        if (try? await controller.directory.tenant(name.tenant)) == nil {
            _ = try await controller.directory.createTenant(name.tenant)
            _ = try await controller.directory.createVNet(
                TenantName(parsing: "\(name.tenant)/lan"), prefix: IPv4Prefix(parsing: "10.0.0.0/24"))
        }
        return try await controller.directory.createEndpoint(
            NewEndpoint(
                name: name, vnet: Name(parsing: "lan"), host: Name(parsing: host), kind: .namespace)
        ).identity
    }

    private func count(
        _ id: UInt64, _ source: Identity, _ destination: Identity, _ end: Patchbay_Leaf_V1_TrafficCount.End,
        _ packets: UInt64, outside: String? = nil
    ) -> Patchbay_Leaf_V1_TrafficCount {
        .with {
            $0.id = id
            $0.end = end
            $0.source = Data(source.octets)
            $0.destination = Data(destination.octets)
            if let outside, let address = try? IPAddress(parsing: outside) {
                $0.outsideDestination = Data(address.octets)
            }
            $0.packets = packets
            $0.bytes = packets * 100
        }
    }
}
