/// Rows for people: aligned columns with a heading, numbers to the right.
struct Table {
    /// The heading of a column.
    struct Column {
        var title: String
        var isNumber = false
    }

    private let columns: [Column]
    private var rows: [[String]] = []

    /// Makes a table; a title that begins with `#` is a column of numbers.
    init(_ titles: String...) { self.init(columns: titles) }

    /// Makes a table of columns that are not always the same.
    init(columns titles: [String]) {
        columns = titles.map {
            $0.hasPrefix("#") ? Column(title: String($0.dropFirst()), isNumber: true) : Column(title: $0)
        }
    }

    /// Adds a row with a cell for each column.
    mutating func add(_ cells: String...) { rows.append(cells) }

    /// Adds a row with a cell for each column.
    mutating func add(cells: [String]) { rows.append(cells) }

    var isEmpty: Bool { rows.isEmpty }

    /// The lines of the table.
    func lines(_ style: Style) -> [String] {
        let all = [columns.map(\.title)] + rows
        let widths = columns.indices.map { column in
            all.map { column < $0.count ? TextWidth.columns($0[column]) : 0 }.max() ?? 0
        }
        let texts = all.map { row in
            let cells = columns.indices.map { column in
                TextWidth.pad(
                    column < row.count ? row[column] : "", to: widths[column], right: columns[column].isNumber)
            }
            return cells.joined(separator: "  ").trimmingSpaces
        }
        return [style.bold(texts[0])] + texts.dropFirst()
    }
}

extension String {
    /// The string without spaces at its end.
    var trimmingSpaces: String {
        var text = Substring(self)
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
