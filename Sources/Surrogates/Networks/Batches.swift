import TrimtabNumerics

/// Rows in an order drawn anew whenever all have been seen, in batches.
struct Batches: Sendable {
  private var order: [Int]
  private var next: Int
  let size: Int

  init(_ count: Int, size: Int) {
    order = Array(0..<count)
    next = count
    self.size = min(size, count)
  }

  mutating func draw(_ stream: inout RandomStream) -> [Int] {
    var rows: [Int] = []
    while rows.count < size {
      if next >= order.count {
        stream.shuffle(&order)
        next = 0
      }
      rows.append(order[next])
      next += 1
    }
    return rows
  }
}
