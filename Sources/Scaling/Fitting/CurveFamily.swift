import TrimtabNumerics

/// A law with parameters that can be fitted to runs of one's own: what goes in, and the starts of the search.
public enum CurveFamily: String, Sendable, CaseIterable {
  /// L = E + A·N^−α + B·D^−β; inputs N, D.
  case chinchilla
  /// L = c + a·N^b at a fixed step, under muP; input N. Yao & Wang, arXiv 2304.06875, 2023.
  case muScaling = "mu-scaling"
  /// S = a + b/B steps to a loss; input B.
  case criticalBatch = "critical-batch"
  /// L = E + (A/(N·(1 + k·ln P)))^α; inputs N, P.
  case parallel
  /// L = L0 + A·S1^−α − C·S2; inputs S1 and S2 (see ``AnnealingLaw``).
  case annealing
  /// h = D0 + A·N^p·r^q: the best value of a setting, r the tokens over 20 N; inputs N, r. Wen, Hall, Ma & Liang,
  /// arXiv 2509.02046, 2025.
  case setting
  /// log10 L = a·log10 N + b·log10 Ê + c·log10 N·log10 Ê + d (see ``RoutedLaw``); inputs N, which a token uses, and E.
  case routed

  public var inputs: [String] {
    switch self {
    case .chinchilla: ["N", "D"]
    case .muScaling: ["N"]
    case .criticalBatch: ["B"]
    case .parallel: ["N", "P"]
    case .annealing: ["S1", "S2"]
    case .setting: ["N", "r"]
    case .routed: ["N", "E"]
    }
  }

  public var parameterNames: [String] {
    switch self {
    case .chinchilla: ["E", "A", "B", "alpha", "beta"]
    case .muScaling: ["a", "b", "c"]
    case .criticalBatch: ["a", "b"]
    case .parallel: ["E", "A", "alpha", "k"]
    case .annealing: ["L0", "A", "alpha", "C"]
    case .setting: ["A", "p", "q", "D0"]
    case .routed: ["a", "b", "c", "d", "E_start", "E_max"]
    }
  }

  public var formula: String {
    switch self {
    case .chinchilla: "L = E + A·N^-alpha + B·D^-beta"
    case .muScaling: "L = a·N^b + c"
    case .criticalBatch: "S = a + b/B"
    case .parallel: "L = E + (A/(N·(1 + k·ln P)))^alpha"
    case .annealing: "L = L0 + A·S1^-alpha - C·S2"
    case .setting: "h = A·N^p·r^q + D0"
    case .routed: "log10 L = a·log10 N + b·log10 Ê + c·log10 N·log10 Ê + d, Ê from E, E_start and E_max"
    }
  }

  /// Whether the residuals are of logarithms.
  var isLogarithmic: Bool { self != .muScaling && self != .setting }

  /// Huber's δ; the small fits of few points are least squares.
  var delta: Double {
    switch self {
    case .chinchilla, .parallel, .annealing: 1e-3
    case .muScaling, .criticalBatch, .setting, .routed: .infinity
    }
  }

  /// Parameters as they are searched, to parameters as they are named.
  func named(_ x: [Double]) -> [Double] {
    switch self {
    case .chinchilla: [_exp(x[0]), _exp(x[1]), _exp(x[2]), x[3], x[4]]
    case .muScaling, .setting: x
    case .criticalBatch: x.map(_exp)
    case .parallel: [_exp(x[0]), _exp(x[1]), x[2], x[3]]
    case .annealing: [_exp(x[0]), _exp(x[1]), x[2], _exp(x[3])]
    case .routed: Array(x[..<4]) + x[4...].map(_exp)
    }
  }

  /// The value, or its logarithm, and its derivatives by the searched parameters.
  func value(_ x: [Double], _ input: [Double], _ gradient: inout [Double]) -> Double {
    switch self {
    case .chinchilla:
      let (n, d) = (_log(input[0]), _log(input[1]))
      let terms = [x[0], x[1] - x[3] * n, x[2] - x[4] * d]
      let sum = logSumExp(terms)
      let shares = terms.map { _exp($0 - sum) }
      gradient = [shares[0], shares[1], shares[2], -n * shares[1], -d * shares[2]]
      return sum
    case .muScaling:
      let power = _pow(input[0], x[1])
      gradient = [power, x[0] * power * _log(input[0]), 1]
      return x[0] * power + x[2]
    case .criticalBatch:
      let (a, b) = (_exp(x[0]), _exp(x[1]) / input[0])
      gradient = [a / (a + b), b / (a + b)]
      return _log(a + b)
    case .parallel:
      let size = 1 + x[3] * _log(input[1])
      guard size > 0 else { return .nan }
      let exponent = x[1] - _log(input[0]) - _log(size)
      let (e, power) = (_exp(x[0]), _exp(x[2] * exponent))
      let sum = e + power
      gradient = [
        e / sum, power * x[2] / sum, power * exponent / sum, -power * x[2] * _log(input[1]) / size / sum,
      ]
      return _log(sum)
    case .annealing:
      let logS = _log(input[0])
      let (floor, power, gain) = (_exp(x[0]), _exp(x[1] - x[2] * logS), _exp(x[3]) * input[1])
      let sum = floor + power - gain
      guard sum > 0 else { return .nan }
      gradient = [floor / sum, power / sum, -power * logS / sum, -gain / sum]
      return _log(sum)
    case .setting:
      let power = _exp(x[1] * _log(input[0]) + x[2] * _log(input[1]))
      gradient = [power, x[0] * power * _log(input[0]), x[0] * power * _log(input[1]), 1]
      return x[0] * power + x[3]
    case .routed: return Self.routed(x, input, &gradient)
    }
  }

  /// ln L, with E_start and E_max as logarithms.
  private static func routed(_ x: [Double], _ input: [Double], _ gradient: inout [Double]) -> Double {
    let (least, most) = (_exp(x[4]), _exp(x[5]))
    let slack = 1 / least - 1 / most
    let shifted = input[1] - 1 + 1 / slack
    guard slack > 0, shifted > 0 else { return .nan }
    let inverse = 1 / shifted + 1 / most
    let (n, e) = (_log10(input[0]), -_log10(inverse))
    let ten = 2.302_585_092_994_046
    // By Ê's inverse, and that by E_start and E_max.
    let byInverse = -(x[1] + x[2] * n) / inverse
    let byShift = -1 / (shifted * shifted * slack * slack)
    gradient = [
      ten * n, ten * e, ten * n * e, ten, byInverse * byShift / least,
      byInverse * (-byShift / most - 1 / most),
    ]
    return ten * (x[0] * n + x[1] * e + x[2] * n * e + x[3])
  }

  func starts(_ inputs: [[Double]], _ values: [Double]) -> [[Double]] {
    var result: [[Double]] = []
    let least = max(values.min() ?? 1, 1e-300)
    switch self {
    case .chinchilla:
      // The grid of Hoffmann and others; the ones that begin nearest to the data are run down.
      for alpha in stride(from: 0.0, through: 2, by: 0.5) {
        for beta in stride(from: 0.0, through: 2, by: 0.5) {
          for e in stride(from: -1.0, through: 1, by: 0.5) {
            for a in stride(from: 0.0, through: 25, by: 5) {
              for b in stride(from: 0.0, through: 25, by: 5) { result.append([e, a, b, alpha, beta]) }
            }
          }
        }
      }
    case .muScaling:
      for b in [-0.1, -0.3, -0.6, -1] {
        for share in [0.3, 0.6, 0.9] {
          let first = inputs[0][0]
          result.append([(values[0] - share * least) / _pow(first, b), b, share * least])
        }
      }
    case .criticalBatch:
      let (first, last) = (inputs[0], inputs[inputs.count - 1])
      result = [[_log(max(values[values.count - 1], 1e-9)), _log(max(values[0] * first[0], 1e-9))]]
      result.append([_log(least / 2), _log(max(values[values.count - 1] * last[0], 1e-9))])
    case .parallel:
      let size = _log(inputs[0][0])
      for e in [-1, -0.5, 0.0] {
        for a in [-6.0, -4, -2, 0] {
          for alpha in [0.1, 0.2, 0.4, 0.8] {
            for k in [0.2, 0.4, 0.6, 0.8] { result.append([e, size + a, alpha, k]) }
          }
        }
      }
    case .annealing:
      for share in [0.5, 0.75, 0.9, 0.97] {
        for a in [-2.0, -1, 0, 1] {
          for alpha in [0.2, 0.4, 0.6, 0.9] {
            for c in [-3.0, -1, 0, 1] { result.append([_log(share * least), a, alpha, c]) }
          }
        }
      }
    case .routed:
      for a in [-0.06, -0.09] {
        for b in [-0.05, -0.15] {
          for c in [0.0, 0.015] {
            for (first, last) in [(1.5, 300.0), (3, 300), (3, 1000), (6, 100)] {
              let law = RoutedLaw(a: a, b: b, c: c, d: 0, leastExperts: first, mostExperts: last)
              let rest = zip(inputs, values).reduce(0) { sum, row in
                sum + _log10(row.1) - _log10(law.loss(parameters: row.0[0], experts: row.0[1]))
              }
              result.append([a, b, c, rest / Double(max(1, values.count)), _log(first), _log(last)])
            }
          }
        }
      }
    case .setting:
      let mean = values.reduce(0, +) / Double(max(1, values.count))
      let size = inputs[0][0]
      for p in [-0.25, -0.5, -1.0] {
        for q in [-0.5, -0.1, 0.3] {
          for share in [-0.5, 0.0, 0.5, 1] {
            result.append([
              (values[0] - share * mean) / _exp(p * _log(size) + q * _log(inputs[0][1])), p, q, share * mean,
            ])
          }
        }
      }
    }
    return result
  }
}
