import TrimtabNumerics

/// An acquisition function of points of which one number always counts as having the same value.
public struct FixedNumberAcquisition: Acquisition {
  let base: any Acquisition
  let number: Int
  let value: Double

  public init(_ base: any Acquisition, number: Int, value: Double) {
    self.base = base
    self.number = number
    self.value = value
  }

  public var hasGradients: Bool { base.hasGradients }
  public var numberScales: [Double] { base.numberScales }

  public func values(_ points: FeaturePoints) -> [Double] { base.values(points.replacing(number, by: value)) }

  public func valuesAndGradients(_ points: FeaturePoints) -> (values: [Double], gradients: Matrix) {
    var (values, gradients) = base.valuesAndGradients(points.replacing(number, by: value))
    for column in values.indices { gradients[number, column] = 0 }
    return (values, gradients)
  }
}

extension FeaturePoints {
  /// The points with one number the same in all of them.
  public func replacing(_ number: Int, by value: Double) -> FeaturePoints {
    var result = FeaturePoints(numberCount: numberCount, choiceCount: choiceCount)
    result.reserve(count)
    for i in 0..<count {
      var numbers = numbers(of: i)
      numbers[number] = value
      result.append(numbers, choices(of: i))
    }
    return result
  }
}

extension KernelParameters {
  /// The correlation that the kernel sees between two points that differ in one number alone.
  public func correlation(number: Int, from a: Double, to b: Double) -> Double {
    let first = warps.isEmpty ? a : warps[number].value(a)
    let second = warps.isEmpty ? b : warps[number].value(b)
    let r = 5.0.squareRoot() * abs(first - second) / numberScales[number]
    return (1 + r + r * r / 3) * _exp(-r)
  }
}
