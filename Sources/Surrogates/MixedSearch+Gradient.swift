import TrimtabNumerics
import TrimtabSearchSpaces

/// Gradient steps on the real parameters and weights of a configuration.
extension MixedSearch {
  /// A variable of a climb: a feature that moves, with the scale that makes its axis as long as the others.
  private struct Variable {
    var feature: Int
    var scale: Double
    /// The number of its simplex in the climb; −1 for a real parameter.
    var simplex: Int
  }

  private struct Climb {
    var candidate: Int
    var variables: [Variable]
    /// The variables of each simplex.
    var simplices: [[Int]]
    var run: BoxLBFGS
    var point: (numbers: [Double], choices: [Int32])
  }

  /// Improves the active candidates by gradient steps.
  mutating func climb(_ candidates: inout [Candidate], _ active: [Int], _ isChanged: inout [Bool]) {
    guard acquisition.hasGradients else { return }
    var climbs = active.compactMap { makeClimb(candidates[$0], $0) }
    guard !climbs.isEmpty else { return }
    var open = Array(climbs.indices)
    while !open.isEmpty {
      var points = features.empty
      var asked: [Int] = []
      for c in open {
        let numbers = numbers(of: climbs[c], at: climbs[c].run.point)
        if !space.constraints.isEmpty {
          guard isAllowed(climbs[c], candidates[climbs[c].candidate], at: climbs[c].run.point) else {
            climbs[c].run.tell(.infinity, climbs[c].run.point)
            continue
          }
        }
        points.append(numbers, climbs[c].point.choices)
        asked.append(c)
      }
      let (values, gradients) = acquisition.valuesAndGradients(points)
      for (column, c) in asked.enumerated() {
        climbs[c].run.tell(-values[column], slopes(climbs[c], gradients, column))
      }
      open = open.filter { !climbs[$0].run.isDone }
    }
    var moved: [Candidate] = []
    var owners: [Int] = []
    for climb in climbs {
      guard let found = pool.candidate(raw(climb, candidates[climb.candidate], at: climb.run.best)) else { continue }
      moved.append(found)
      owners.append(climb.candidate)
    }
    // Evaluated anew: what was moved may have switched parameters on or off.
    evaluate(&moved)
    for (owner, found) in zip(owners, moved) where found.value > candidates[owner].value + Self.leastGain {
      candidates[owner] = found
      isChanged[owner] = true
    }
  }

  private func makeClimb(_ candidate: Candidate, _ index: Int) -> Climb? {
    var points = features.empty
    var units = [Double](repeating: 0, count: space.coordinates.count)
    guard features.append(candidate.configuration, to: &points, units: &units) else { return nil }
    let numbers = points.numbers(of: 0)
    let scales = acquisition.numberScales
    var variables: [Variable] = []
    var simplices: [[Int]] = []
    var simplexNumber: [Int: Int] = [:]
    for (feature, number) in features.numbers.enumerated() {
      // Axes along which the model hardly changes are not stretched without end.
      let scale = min(max(scales[feature], 0.05), 4)
      switch number {
      case .coordinate(let coordinate):
        let kind = space.coordinates[coordinate]
        guard kind.kind == .continuous, case .float = space.parameters[kind.parameter].domain,
          pool.isFree(kind.parameter),
          !candidate.configuration.slots[kind.slot].isNaN
        else { continue }
        variables.append(Variable(feature: feature, scale: scale, simplex: -1))
      case .weight(let slot, _):
        guard !candidate.configuration.slots[slot].isNaN,
          let parameter = space.slotRanges.firstIndex(where: { $0.contains(slot) }), pool.isFree(parameter)
        else { continue }
        let number = simplexNumber[parameter] ?? simplices.count
        if number == simplices.count { simplices.append([]) }
        simplexNumber[parameter] = number
        simplices[number].append(variables.count)
        // One scale for all parts, which share one constraint.
        variables.append(Variable(feature: feature, scale: 1, simplex: number))
      case .resource: continue
      }
    }
    guard !variables.isEmpty else { return nil }
    var options = BoxLBFGS.Options()
    options.evaluations = settings.gradientSteps
    options.tolerance = 1e-2
    options.leastDecrease = 1e-6
    options.firstStep = 0.1
    let run = BoxLBFGS(
      start: variables.map { numbers[$0.feature] / $0.scale }, lower: variables.map { _ in 0 },
      upper: variables.map { 1 / $0.scale }, options: options)
    return Climb(
      candidate: index, variables: variables, simplices: simplices, run: run, point: (numbers, points.choices(of: 0)))
  }

  /// The features' numbers at a point of a climb; the parts of a simplex are brought to the unit sphere.
  private func numbers(of climb: Climb, at point: [Double]) -> [Double] {
    var numbers = climb.point.numbers
    for (i, variable) in climb.variables.enumerated() { numbers[variable.feature] = point[i] * variable.scale }
    for members in climb.simplices {
      let norm = Self.norm(members, point)
      for i in members { numbers[climb.variables[i].feature] = point[i] / norm }
    }
    return numbers
  }

  private static func norm(_ members: [Int], _ point: [Double]) -> Double {
    var square = 0.0
    for i in members { square += point[i] * point[i] }
    return max(square.squareRoot(), 1e-150)
  }

  /// The negative gradient with respect to a climb's variables.
  private func slopes(_ climb: Climb, _ gradients: Matrix, _ column: Int) -> [Double] {
    var result = climb.variables.map { -gradients[$0.feature, column] * $0.scale }
    for members in climb.simplices {
      let norm = Self.norm(members, climb.run.point)
      var along = 0.0
      for i in members { along += result[i] * climb.run.point[i] / norm }
      for i in members { result[i] = (result[i] - along * climb.run.point[i] / norm) / norm }
    }
    return result
  }

  /// The raw values at a point of a climb.
  private func raw(_ climb: Climb, _ candidate: Candidate, at point: [Double]) -> [Double] {
    var full = candidate.full
    for (i, variable) in climb.variables.enumerated() where variable.simplex < 0 {
      guard case .coordinate(let coordinate) = features.numbers[variable.feature] else { continue }
      let place = space.coordinates[coordinate]
      if let axis = space.axes[place.parameter] {
        full[place.slot] = axis.decode(min(max(point[i] * variable.scale, 0), 1))
      }
    }
    for members in climb.simplices {
      guard let first = members.first, case .weight(let slot, _) = features.numbers[climb.variables[first].feature]
      else { continue }
      var roots = members.map { point[$0] }
      CandidatePool.writeWeights(&roots, to: &full, at: slot)
    }
    return full
  }

  private func isAllowed(_ climb: Climb, _ origin: Candidate, at point: [Double]) -> Bool {
    pool.candidate(raw(climb, origin, at: point)) != nil
  }
}
