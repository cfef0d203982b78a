import TrimtabNumerics

/// Points as a model sees them: for each point some numbers, most of them in [0, 1], and some choices without an order.
public struct FeaturePoints: Sendable, Equatable {
  public let numberCount: Int
  public let choiceCount: Int
  public private(set) var count = 0
  /// The numbers of the first point, then those of the second, …
  public private(set) var numbers: [Double] = []
  /// One column a choice.
  public private(set) var choices: [[Int32]]

  public init(numberCount: Int, choiceCount: Int) {
    self.numberCount = numberCount
    self.choiceCount = choiceCount
    choices = Array(repeating: [], count: choiceCount)
  }

  public mutating func reserve(_ capacity: Int) {
    numbers.reserveCapacity(capacity * numberCount)
    for column in choices.indices { choices[column].reserveCapacity(capacity) }
  }

  /// - Precondition: as many numbers and choices as the others have.
  public mutating func append(_ numbers: [Double], _ choices: [Int32]) {
    precondition(numbers.count == numberCount && choices.count == choiceCount, "a point of another kind")
    self.numbers.append(contentsOf: numbers)
    for column in 0..<choiceCount { self.choices[column].append(choices[column]) }
    count += 1
  }

  public mutating func append(_ index: Int, of other: FeaturePoints) {
    precondition(
      other.numberCount == numberCount && other.choiceCount == choiceCount && index < other.count,
      "a point of another kind, or none")
    numbers.append(contentsOf: other.numbers[index * numberCount..<(index + 1) * numberCount])
    for column in 0..<choiceCount { choices[column].append(other.choices[column][index]) }
    count += 1
  }

  /// Keeps the first `count` points.
  public mutating func truncate(to count: Int) {
    precondition((0...self.count).contains(count), "there are no \(count) points to keep")
    numbers.removeLast((self.count - count) * numberCount)
    for column in 0..<choiceCount { choices[column].removeLast(self.count - count) }
    self.count = count
  }

  public func numbers(of index: Int) -> [Double] { Array(numbers[index * numberCount..<(index + 1) * numberCount]) }

  public func choices(of index: Int) -> [Int32] { choices.map { $0[index] } }

  /// The squared distance of a point from one of others: of the numbers, and 1 for each choice that differs.
  public func squaredDistance(_ index: Int, to other: FeaturePoints, _ row: Int) -> Double {
    var sum = 0.0
    for j in 0..<numberCount {
      let step = numbers[index * numberCount + j] - other.numbers[row * numberCount + j]
      sum += step * step
    }
    for k in 0..<choiceCount where choices[k][index] != other.choices[k][row] { sum += 1 }
    return sum
  }

  /// The points at these places, in this order.
  public func subset(_ indices: some Sequence<Int>) -> FeaturePoints {
    var result = FeaturePoints(numberCount: numberCount, choiceCount: choiceCount)
    result.reserve(indices.underestimatedCount)
    for index in indices { result.append(index, of: self) }
    return result
  }
}
