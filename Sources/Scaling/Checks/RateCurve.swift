import TrimtabNumerics

/// The losses of one size over the learning rates, and where they are least.
///
/// The optimum is the vertex of a parabola in ln η through the means of ln loss over seeds: at the best rate, and at up to two
/// neighbours on either side whose loss is at most twice the best. Its interval comes from seeds resampled within each rate,
/// whose parabola is fitted anew, so that it is wide where neighbours differ by less than the noise.
struct RateCurve {
  /// How far neighbours may be from the best, as a factor of the loss.
  static let greatestLoss = 2.0

  let size: Double
  let rates: [Double]
  /// ln of the losses, of each seed.
  let logs: [[Double]]
  let best: Int
  /// The rates that the parabola goes through.
  let window: ClosedRange<Int>

  /// - Throws: `ScalingError` for fewer than 3 rates.
  init(size: Double, _ runs: [TransferCheck.Run]) throws(ScalingError) {
    self.size = size
    let groups = Dictionary(grouping: runs, by: \.learningRate)
    var points: [(rate: Double, logs: [Double])] = []
    for (rate, group) in groups {
      // A rate at which one seed diverges is no candidate.
      guard group.allSatisfy({ $0.loss.isFinite }) else { continue }
      guard group.allSatisfy({ $0.loss > 0 }) else {
        throw ScalingError("size \(shown(size)), rate \(shown(rate)): a loss is 0 or less, which has no logarithm")
      }
      points.append((rate, group.map { _log($0.loss) }))
    }
    points.sort { $0.rate < $1.rate }
    guard points.count >= 3 else {
      throw ScalingError("size \(shown(size)) has \(points.count) rates with finite losses; at least 3 are needed")
    }
    rates = points.map(\.rate)
    logs = points.map(\.logs)
    let means = logs.map(Self.mean)
    let place = means.indices.min { means[$0] < means[$1] } ?? 0
    best = place
    func end(_ step: Int) -> Int {
      var end = place
      for i in 1...2 {
        let next = place + i * step
        guard means.indices.contains(next), i == 1 || means[next] - means[place] <= _log(Self.greatestLoss) else {
          break
        }
        end = next
      }
      return end
    }
    window = end(-1)...end(1)
  }

  var isOnEdge: Bool { best == 0 || best == rates.count - 1 }

  static func mean(_ x: [Double]) -> Double { x.reduce(0, +) / Double(x.count) }

  /// A parabola through means of ln loss: where it is least, how strongly it bends, and ln of its least loss. Where it does
  /// not bend upwards, the best rate itself, without a bend.
  struct Parabola {
    var vertex: Double
    var curvature: Double
    var least: Double

    /// ln of the loss at a rate over the least.
    func excess(_ rate: Double) -> Double {
      let step = _log(rate / vertex)
      return curvature * step * step
    }
  }

  func parabola(_ means: [Double]) -> Parabola {
    let x = window.map { _log(rates[$0] / rates[best]) }
    let y = window.map { means[$0] }
    let lowest = window.min { means[$0] < means[$1] } ?? best
    guard x.count >= 3, let fit = LinearFit.solve([x, x.map { $0 * $0 }], y, nil), fit[2] > 0 else {
      return Parabola(vertex: rates[lowest], curvature: 0, least: means[lowest])
    }
    // Beyond the rates that it was fitted to, a parabola says nothing.
    let place = min(max(-fit[1] / (2 * fit[2]), x[0]), x[x.count - 1])
    return Parabola(
      vertex: rates[best] * _exp(place), curvature: fit[2], least: fit[0] + fit[1] * place + fit[2] * place * place)
  }

  var means: [Double] { logs.map(Self.mean) }

  /// The means of seeds resampled within each rate.
  func resampledMeans(_ stream: inout RandomStream) -> [Double] {
    logs.map { own in
      var sum = 0.0
      for _ in own { sum += own[stream.index(below: own.count)] }
      return sum / Double(own.count)
    }
  }

  /// The squared deviations of ln loss within the rates of the window, and their degrees of freedom.
  var scatter: (square: Double, degrees: Int) {
    window.reduce((0, 0)) { sum, i in
      let mean = Self.mean(logs[i])
      return (
        sum.0 + logs[i].reduce(0) { $0 + ($1 - mean) * ($1 - mean) }, sum.1 + logs[i].count - 1
      )
    }
  }
}
