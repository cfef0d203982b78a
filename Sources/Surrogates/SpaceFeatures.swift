import TrimtabNumerics
import TrimtabSearchSpaces

/// The way from a configuration to the numbers and choices that a model sees.
///
/// Numbers and ordered choices are their unit coordinates; items of a permutation their positions; weights of a simplex
/// their square roots, so that distances are Hellinger's and finite at zero weights. Choices without an order stand for
/// themselves. What is inactive is in the middle of its range or at the first choice, and each set of parameters that are
/// active together adds one choice that says whether it is; so does each set without conditions that the same trials lack. A study with a fidelity adds the share of its resource.
public struct SpaceFeatures: Sendable {
  enum Number: Sendable, Equatable {
    case coordinate(Int)
    /// The square root of a slot's weight.
    case weight(slot: Int, parts: Int)
    case resource
  }

  enum Choice: Sendable, Equatable {
    case slot(Int)
    /// Whether the parameter is active.
    case activity(parameter: Int)
  }

  public let space: Space
  public let hasResource: Bool
  let numbers: [Number]
  let choices: [Choice]
  /// See ``init(_:lacking:hasResource:)``.
  public let lacking: [Int: UInt64]

  public var numberCount: Int { numbers.count }
  public var choiceCount: Int { choices.count }

  /// - Parameters:
  ///   - lacking: of parameters without a condition that some trials lack, a number that is the same for those that the same
  ///     trials lack.
  ///   - hasResource: whether trials differ in the resource that they were given.
  public init(_ space: Space, lacking: [Int: UInt64] = [:], hasResource: Bool = false) {
    self.space = space
    self.hasResource = hasResource
    self.lacking = lacking
    var numbers: [Number] = []
    var choices: [Choice] = []
    var groups: Set<Int> = []
    var lackingGroups: Set<UInt64> = []
    for index in space.evaluationOrder {
      let parameter = space.parameters[index]
      let range = space.coordinateRanges[index]
      if space.activityGroups[index] != 0 {
        if groups.insert(space.activityGroups[index]).inserted { choices.append(.activity(parameter: index)) }
      } else if let group = lacking[index], lackingGroups.insert(group).inserted {
        choices.append(.activity(parameter: index))
      }
      if parameter.domain.cardinality == 1 { continue }
      switch parameter.domain {
      case .float, .integer, .ordinal, .permutation: numbers += range.map { .coordinate($0) }
      case .categorical, .boolean: choices.append(.slot(space.slotRanges[index].lowerBound))
      case .simplex(let parts):
        numbers += space.slotRanges[index].map { .weight(slot: $0, parts: parts.count) }
      case .constant: break
      }
    }
    if hasResource { numbers.append(.resource) }
    self.numbers = numbers
    self.choices = choices
  }

  /// The coordinate that each number is, where it is one.
  public var numberCoordinates: [Int?] {
    numbers.map { if case .coordinate(let coordinate) = $0 { coordinate } else { nil } }
  }

  /// What each number is of, for people; several of an order or of weights share their parameter's name.
  public var numberNames: [String] {
    numbers.map { number in
      switch number {
      case .coordinate(let coordinate): space.parameters[space.coordinates[coordinate].parameter].name
      case .weight(let slot, _):
        space.slotRanges.firstIndex { $0.contains(slot) }.map { space.parameters[$0].name } ?? "weight"
      case .resource: "the resource"
      }
    }
  }

  /// What each choice is of, for people.
  public var choiceNames: [String] {
    choices.map { choice in
      switch choice {
      case .slot(let slot):
        space.slotRanges.firstIndex { $0.contains(slot) }.map { space.parameters[$0].name } ?? "choice"
      case .activity(let parameter): "whether \(space.parameters[parameter].name) is active"
      }
    }
  }

  /// The choice that a parameter is, where it is one.
  public func choiceColumn(ofParameter index: Int) -> Int? {
    choices.firstIndex { $0 == .slot(space.slotRanges[index].lowerBound) }
  }

  /// The choice that says whether a parameter with a condition is active, or one that some trials lack is there.
  func activityColumn(ofParameter index: Int) -> Int? {
    let group = space.activityGroups[index]
    guard group != 0 || lacking[index] != nil else { return nil }
    return choices.firstIndex { choice in
      guard case .activity(let other) = choice, space.activityGroups[other] == group else { return false }
      return group != 0 || lacking[other] == lacking[index]
    }
  }

  /// No points.
  public var empty: FeaturePoints { FeaturePoints(numberCount: numberCount, choiceCount: choiceCount) }

  /// A configuration as a point, with the whole resource; nil when a value lies where the present space has no coordinate.
  public func point(_ configuration: Configuration) -> FeaturePoints? {
    let kept = points([configuration])
    return kept.configurations.isEmpty ? nil : kept.points
  }

  /// Configurations as points, with the whole resource, and which configurations these are: those are left out of which a
  /// value lies where the present space has no coordinate for it.
  public func points(
    _ configurations: some Sequence<Configuration>
  ) -> (points: FeaturePoints, configurations: [Configuration]) {
    var points = empty
    var units = [Double](repeating: 0, count: space.coordinates.count)
    points.reserve(configurations.underestimatedCount)
    let kept = configurations.filter { append($0, to: &points, units: &units) }
    return (points, kept)
  }

  /// Appends a configuration to points of this kind.
  ///
  /// - Parameters:
  ///   - resource: the share of the resource in [0, 1], where the study has one.
  ///   - units: a scratch array of one number a coordinate.
  /// - Returns: false, appending nothing, when a value lies where the present space has no coordinate for it.
  public func append(
    _ configuration: Configuration, resource: Double = 1, to points: inout FeaturePoints, units: inout [Double]
  ) -> Bool {
    space.encode(configuration) { coordinate, unit in units[coordinate] = unit }
    let slots = configuration.slots
    var values: [Double] = []
    values.reserveCapacity(numbers.count)
    for number in numbers {
      switch number {
      case .coordinate(let coordinate): values.append(units[coordinate].isNaN ? 0.5 : units[coordinate])
      case .weight(let slot, let parts):
        let weight = slot < slots.count && !slots[slot].isNaN ? slots[slot] : 1 / Double(parts)
        values.append(weight.squareRoot())
      case .resource: values.append(resource)
      }
    }
    // A value of earlier, wider bounds may be far away; one that the scale does not know is nowhere.
    guard values.allSatisfy({ abs($0) < 1e3 }) else { return false }
    let codes = choices.map { choice -> Int32 in
      switch choice {
      case .slot(let slot): slot < slots.count && !slots[slot].isNaN ? Int32(slots[slot]) : 0
      case .activity(let parameter):
        space.slotRanges[parameter].upperBound <= slots.count
          && !slots[space.slotRanges[parameter].lowerBound].isNaN ? 1 : 0
      }
    }
    points.append(values, codes)
    return true
  }
}
