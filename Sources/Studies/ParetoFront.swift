/// The indices of the points that no other point dominates, in increasing order.
///
/// A point dominates another when it is at most as great in every coordinate and less in one; equal points do not
/// dominate each other. O(n·f) for a front of f points, after sorting.
/// - Parameter points: losses, all of the same number of coordinates and none NaN.
public func paretoFront(_ points: [[Double]]) -> [Int] {
  // In lexicographic order, a point can be dominated only by earlier ones.
  let order = points.indices.sorted { a, b in
    points[a] == points[b] ? a < b : points[a].lexicographicallyPrecedes(points[b])
  }
  var front: [Int] = []
  for candidate in order {
    let point = points[candidate]
    let isDominated = front.contains { other in
      points[other] != point && zip(points[other], point).allSatisfy { $0 <= $1 }
    }
    if !isDominated { front.append(candidate) }
  }
  return front.sorted()
}

extension StudyState {
  /// The trials whose objectives no other trial's dominate: of the complete trials, or while there are none of those
  /// that stand at the greatest resource. Trials that lack a finite value of any objective are left out.
  public func paretoTrials() -> [TrialNumber] {
    var candidates = trials.indices.filter { isCandidate($0) && objectiveValues($0) != nil }
    if candidates.contains(where: { trials[$0].state == .completed }) {
      candidates.removeAll { trials[$0].state != .completed }
    } else {
      let greatest = candidates.map { trials[$0].resource }.max() ?? 0
      candidates.removeAll { trials[$0].resource < greatest }
    }
    let losses = candidates.map { number in
      zip(objectiveValues(number) ?? [], spec.objectives).map { $0 * $1.sign }
    }
    return paretoFront(losses).map { candidates[$0] }
  }

  /// All trials with a value, the best first: by the order of `isBetter`, then by number.
  public func rankedTrials() -> [TrialNumber] {
    trials.indices.filter(isCandidate).sorted { a, b in
      if isBetter(a, than: b) { return true }
      return !isBetter(b, than: a) && a < b
    }
  }
}
