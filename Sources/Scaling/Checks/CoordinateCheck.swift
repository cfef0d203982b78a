/// Whether activations stay the same size as the width (or depth) grows: minutes, before any sweep.
///
/// Regresses the logarithm of each module's mean size on that of the width at each step. Source: Yang, Hu and others, "Tensor
/// programs V", arXiv 2203.03466, 2022, and the package that comes with it; the threshold is Trimtab's.
public struct CoordinateCheck: Sendable {
  public struct Record: Sendable {
    public var size: Double
    public var step: Int
    public var module: String
    /// The mean absolute value of the output, or of its change since step 0.
    public var value: Double

    public init(size: Double, step: Int, module: String, value: Double) {
      self.size = size
      self.step = step
      self.module = module
      self.value = value
    }
  }

  public struct Slope: Sendable, Equatable {
    public var module: String
    public var step: Int
    public var slope: Double
    /// Whether it counts: steps before `firstStep` are shown only.
    public var counts: Bool
    public var passes: Bool
  }

  public let slopes: [Slope]
  public let threshold: Double
  public private(set) var warnings: [String] = []

  public var passes: Bool { slopes.allSatisfy { $0.passes || !$0.counts } }

  /// The slope farthest from 0 that counts.
  public var worst: Slope? { slopes.filter(\.counts).max { abs($0.slope) < abs($1.slope) } }

  /// - Parameters:
  ///   - threshold: the greatest slope either way.
  ///   - firstStep: the first that counts; nil for 3, or 1 where no step is that late.
  /// - Throws: `ScalingError` for fewer than 3 sizes, sizes that are missing, and impossible values.
  public init(_ records: [Record], threshold: Double = 0.1, firstStep: Int? = nil) throws(ScalingError) {
    self.threshold = threshold
    let sizes = Set(records.map(\.size)).sorted()
    guard sizes.count >= 3 else {
      throw ScalingError("there are \(sizes.count) different sizes: a slope needs at least 3, and 4 or more are better")
    }
    guard sizes[0] > 0 else { throw ScalingError("a size is \(shown(sizes[0])); it must be above 0") }
    let steps = Set(records.map(\.step)).sorted()
    guard let last = steps.last, last >= 1 else {
      throw ScalingError("only step 0 was logged: the check is of what training does, so log some steps")
    }
    let first = firstStep ?? (last >= 3 ? 3 : 1)
    guard first <= last else { throw ScalingError("no step from \(first) on was logged; the last is \(last)") }
    if sizes.count < 4 { warnings.append("only 3 sizes; 4 or more are better") }
    var sums: [String: (sum: Double, count: Int)] = [:]
    var least = Int.max
    for record in records {
      guard record.value.isFinite, record.value >= 0 else {
        throw ScalingError(
          "\(record.module) at size \(shown(record.size)), step \(record.step) is \(shown(record.value)): it diverged; use a "
            + "lower rate")
      }
      let key = "\(record.module)\u{0}\(record.step)\u{0}\(record.size)"
      sums[key, default: (0, 0)].sum += record.value
      sums[key, default: (0, 0)].count += 1
    }
    var modules: [String] = []
    for record in records where !modules.contains(record.module) { modules.append(record.module) }
    var found: [Slope] = []
    for module in modules {
      for step in steps {
        let means = sizes.compactMap { size -> (Double, Double)? in
          guard let entry = sums["\(module)\u{0}\(step)\u{0}\(size)"] else { return nil }
          least = min(least, entry.count)
          return (size, entry.sum / Double(entry.count))
        }
        if means.isEmpty { continue }
        guard means.count == sizes.count else {
          throw ScalingError(
            "\(module) at step \(step) has \(means.count) of \(sizes.count) sizes: log all, or leave it out")
        }
        // What starts at nothing, as zero-initialised outputs do, has no logarithm.
        guard means.allSatisfy({ $0.1 > 0 }) else {
          if step >= first {
            throw ScalingError("\(module) is 0 at step \(step): it is not trained, so leave it out")
          }
          continue
        }
        let fit = LinearFit.solve([means.map { _log($0.0) }], means.map { _log($0.1) }, nil)
        let slope = fit?[1] ?? .nan
        found.append(
          Slope(module: module, step: step, slope: slope, counts: step >= first, passes: abs(slope) <= threshold))
      }
    }
    slopes = found
    if least < 3 { warnings.append("fewer than 3 seeds for some points") }
  }

  public var verdict: String {
    guard let worst else { return "nothing was logged at the steps that count" }
    if passes { return "pass: the steepest slope is \(shown(worst.slope)), of \(worst.module) at step \(worst.step)" }
    let cause =
      worst.slope > 0
      ? "it grows with the size: a learning rate or multiplier is missing"
      : "it shrinks with the size: it is scaled down too much"
    return "fail: \(worst.module) at step \(worst.step) has the slope \(shown(worst.slope)); \(cause)"
  }
}
