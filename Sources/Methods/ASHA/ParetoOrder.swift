import TrimtabStudies

/// Orders vectors of losses: by fronts, and within a front so that every beginning of the order spreads over the front.
///
/// Sources: Goldberg's non-dominated sorting (Deb et al., "NSGA-II", IEEE TEC 6(2), 2002, section III.A); the order within a
/// front, farthest first, is the ε-net of Salinas, Perrone, Cruchant & Archambeau, "A multi-objective perspective on jointly
/// tuning hardware and hyperparameters", ICLR workshop on NAS, 2021: it begins with the best in the first objective, and takes
/// what is farthest from all taken before. Objectives are scaled to the range of the vectors, without which one with small
/// numbers would not count.
enum ParetoOrder {
  /// The first `count` in this order, as indices. Vectors with a number that is not finite come last, in their order.
  /// - Parameter losses: of equal length each.
  static func best(_ count: Int, of losses: [[Double]]) -> [Int] {
    let finite = losses.indices.filter { losses[$0].allSatisfy(\.isFinite) }
    let scaled = scale(finite.map { losses[$0] })
    var rest = Array(finite.indices)
    var order: [Int] = []
    while order.count < count, !rest.isEmpty {
      let front = paretoFront(rest.map { scaled[$0] }).map { rest[$0] }
      order += spread(front, scaled, count - order.count)
      let taken = Set(front)
      rest.removeAll(where: taken.contains)
    }
    let others = losses.indices.filter { !losses[$0].allSatisfy(\.isFinite) }
    return (order.map { finite[$0] } + others).prefix(count).map { $0 }
  }

  private static func scale(_ losses: [[Double]]) -> [[Double]] {
    guard let first = losses.first else { return [] }
    var (low, high) = (first, first)
    for loss in losses {
      for j in loss.indices {
        low[j] = min(low[j], loss[j])
        high[j] = max(high[j], loss[j])
      }
    }
    // Halves, because the difference of two finite numbers need not be one.
    let ranges = zip(low, high).map { $1 / 2 - $0 / 2 }
    return losses.map { loss in
      loss.indices.map { j in ranges[j] > 0 ? (loss[j] / 2 - low[j] / 2) / ranges[j] : 0 }
    }
  }

  /// The first `count` of a front, farthest first; of equals the earlier one.
  private static func spread(_ front: [Int], _ points: [[Double]], _ count: Int) -> [Int] {
    guard var next = front.indices.min(by: { (points[front[$0]][0], $0) < (points[front[$1]][0], $1) }) else {
      return []
    }
    var distances = [Double](repeating: .infinity, count: front.count)
    var order: [Int] = []
    while order.count < min(count, front.count) {
      order.append(front[next])
      distances[next] = -1
      for i in front.indices where distances[i] >= 0 {
        var squared = 0.0
        for (a, b) in zip(points[front[i]], points[front[next]]) { squared += (a - b) * (a - b) }
        distances[i] = min(distances[i], squared)
      }
      next = front.indices.max { (distances[$0], -$0) < (distances[$1], -$1) } ?? next
    }
    return order
  }
}
