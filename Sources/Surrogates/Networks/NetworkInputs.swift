import TrimtabNumerics

/// Points as networks see them: numbers about the middle of the cube, and a 1 for the choice of each kind.
struct NetworkInputs: Sendable {
  /// Of a choice with more codes only the most frequent are told apart.
  private static let codeLimit = 32

  private let codes: [[Int32]]
  private let numberCount: Int

  /// - Parameter points: whose choices are told apart.
  init(_ points: FeaturePoints) {
    numberCount = points.numberCount
    codes = points.choices.map { column in
      var counts: [Int32: Int] = [:]
      for code in column { counts[code, default: 0] += 1 }
      return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(Self.codeLimit).map(\.key)
    }
  }

  var width: Int { numberCount + codes.reduce(0) { $0 + $1.count } }

  /// A column a point.
  func matrix(_ points: FeaturePoints) -> Matrix {
    var result = Matrix(rows: width, columns: points.count)
    for column in 0..<points.count {
      for j in 0..<numberCount { result[j, column] = 2 * points.numbers[column * numberCount + j] - 1 }
      var row = numberCount
      for (k, known) in codes.enumerated() {
        if let place = known.firstIndex(of: points.choices[k][column]) { result[row + place, column] = 1 }
        row += known.count
      }
    }
    return result
  }
}

extension Matrix {
  /// Over the columns, one for each row.
  var rowSums: [Double] {
    var result = [Double](repeating: 0, count: rows)
    for column in 0..<columns {
      for row in 0..<rows { result[row] += storage[column &* rows &+ row] }
    }
    return result
  }

  /// The columns at these places.
  func columns(at places: [Int]) -> Matrix {
    var storage: [Double] = []
    storage.reserveCapacity(rows * places.count)
    for column in places { storage += self.storage[column * rows..<(column + 1) * rows] }
    return Matrix(rows: rows, columns: places.count, storage: storage)
  }
}
