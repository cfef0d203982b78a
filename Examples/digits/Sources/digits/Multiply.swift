/// The number of columns that one step of `multiply` works on; every row length is a multiple of it.
let lanes = 8

/// `count` rounded up to whole steps of `lanes`.
func padded(_ count: Int) -> Int {
  (count + lanes - 1) / lanes * lanes
}

@inline(__always)
private func load(_ address: UnsafePointer<Float>) -> SIMD8<Float> {
  UnsafeRawPointer(address).loadUnaligned(as: SIMD8<Float>.self)
}

@inline(__always)
private func store(_ value: SIMD8<Float>, _ address: UnsafeMutablePointer<Float>) {
  UnsafeMutableRawPointer(address).storeBytes(of: value, as: SIMD8<Float>.self)
}

/// result = bias + left · right, where each row of `result` starts from `bias` (from zero without one).
///
/// - `left` is rows × depth; element (i, k) lies at `i * rowStride + k * depthStride`, so that a
///   transposed matrix can be passed as it is.
/// - `right` is depth × columns and `result` rows × columns, both row after row; `columns` is a
///   multiple of `lanes`.
///
/// Four rows by eight columns are kept in registers over the whole depth: four loads of `right` would
/// otherwise be made for each of them.
func multiply(
  rows: Int, columns: Int, depth: Int,
  _ left: UnsafePointer<Float>, rowStride: Int, depthStride: Int,
  _ right: UnsafePointer<Float>, bias: UnsafePointer<Float>? = nil,
  into result: UnsafeMutablePointer<Float>
) {
  var column = 0
  while column < columns {
    let start = bias.map { load($0 + column) } ?? SIMD8<Float>(repeating: 0)
    var row = 0
    while row + 4 <= rows {
      var sum0 = start
      var sum1 = start
      var sum2 = start
      var sum3 = start
      let left0 = left + row * rowStride
      let left1 = left0 + rowStride
      let left2 = left1 + rowStride
      let left3 = left2 + rowStride
      var offset = 0
      var source = right + column
      for _ in 0..<depth {
        let values = load(source)
        sum0 += values * left0[offset]
        sum1 += values * left1[offset]
        sum2 += values * left2[offset]
        sum3 += values * left3[offset]
        offset += depthStride
        source += columns
      }
      let target = result + row * columns + column
      store(sum0, target)
      store(sum1, target + columns)
      store(sum2, target + 2 * columns)
      store(sum3, target + 3 * columns)
      row += 4
    }
    while row < rows {
      var sum = start
      let leftRow = left + row * rowStride
      for step in 0..<depth {
        sum += load(right + step * columns + column) * leftRow[step * depthStride]
      }
      store(sum, result + row * columns + column)
      row += 1
    }
    column += lanes
  }
}

/// Writes the transpose of `matrix` (rows × columns, row after row) to `result`.
func transpose(
  _ matrix: UnsafePointer<Float>, rows: Int, columns: Int, into result: UnsafeMutablePointer<Float>
) {
  for column in 0..<columns {
    let target = result + column * rows
    for row in 0..<rows { target[row] = matrix[row * columns + column] }
  }
}
