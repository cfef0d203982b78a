/// Routed language models: the loss of a model of N parameters a token uses and E experts, and the dense model as good.
///
/// log10 L = a·log10 N + b·log10 Ê + c·log10 N·log10 Ê + d, with Ê the saturated number of experts. 250,000 steps whatever
/// the size; N from 15M to 1.3B, E from 1 to 512, routing in every second block.
///
/// Source: Clark and others, "Unified scaling laws for routed language models", arXiv 2202.01169, 2022. The constants are
/// least-squares fits to the curves published with it: the rounded ones in print bias the loss by up to 1.5 %.
public struct RoutedLaw: Sendable, Equatable {
  public var a: Double
  public var b: Double
  public var c: Double
  public var d: Double
  public var leastExperts: Double
  public var mostExperts: Double

  public init(a: Double, b: Double, c: Double, d: Double, leastExperts: Double, mostExperts: Double) {
    self.a = a
    self.b = b
    self.c = c
    self.d = d
    self.leastExperts = leastExperts
    self.mostExperts = mostExperts
  }

  public static let sinkhorn = RoutedLaw(
    a: -0.0838, b: -0.1234, c: 0.0104, d: 1.1216, leastExperts: 2.394, mostExperts: 217.7)
  public static let reinforced = RoutedLaw(
    a: -0.0835, b: -0.1279, c: 0.0117, d: 1.1143, leastExperts: 1.987, mostExperts: 424.5)
  public static let hashed = RoutedLaw(
    a: -0.0887, b: -0.1464, c: 0.0134, d: 1.1730, leastExperts: 4.988, mostExperts: 369.1)

  /// Ê: as `leastExperts` for one expert, towards `mostExperts` for many.
  public func saturated(experts: Double) -> Double {
    let shift = 1 / (1 / leastExperts - 1 / mostExperts)
    return 1 / (1 / (experts - 1 + shift) + 1 / mostExperts)
  }

  public func loss(parameters: Double, experts: Double) -> Double {
    let (n, e) = (_log10(parameters), _log10(saturated(experts: experts)))
    return _pow(10, a * n + b * e + c * n * e + d)
  }

  /// The parameters of the dense model with the same loss.
  public func denseEquivalent(parameters: Double, experts: Double) -> Double {
    let e = saturated(experts: experts)
    func slope(_ x: Double) -> Double { a + c * _log10(x) }
    let base = slope(leastExperts)
    return _pow(parameters, slope(e) / base) * _pow(e / leastExperts, b / base)
  }

  /// The size beyond which routing no longer helps.
  public var cutOff: Double { _pow(10, -b / c) }
}

/// Parallel scaling: P streams through one model.
///
/// L = E + (A/(N·(k·ln P + 1)))^α; N without embeddings. N from 0.5 to 4.4 billion, P from 1 to 8, trained from scratch.
///
/// Source: Chen and others, "Parallel scaling law for language models", arXiv 2505.10475, 2025.
public struct ParallelLaw: Sendable, Equatable {
  public var floor: Double
  public var scale: Double
  public var alpha: Double
  public var gain: Double

  public init(floor: Double, scale: Double, alpha: Double, gain: Double) {
    self.floor = floor
    self.scale = scale
    self.alpha = alpha
    self.gain = gain
  }

  public static let stackPython = ParallelLaw(floor: 0.691241, scale: 1.13064e7, alpha: 0.189373, gain: 0.393454)
  public static let pile = ParallelLaw(floor: 1.288835, scale: 1.97301e8, alpha: 0.196362, gain: 0.334419)

  /// N·(1 + k·ln P).
  public func equivalent(parameters: Double, streams: Double) -> Double { parameters * (1 + gain * _log(streams)) }

  public func loss(parameters: Double, streams: Double) -> Double {
    floor + _pow(scale / equivalent(parameters: parameters, streams: streams), alpha)
  }
}

/// The time of a training step from an architecture: the elements moved to and from memory beside the FLOP.
///
/// That the elements moved tell the time better is the claim of Inbar & Sernau, "Time matters", arXiv 2406.18922, 2024; the
/// count of the elements here is Trimtab's own.
public struct StepTime: Sendable, Equatable {
  public struct Transformer: Sendable, Equatable {
    public var layers: Double
    public var width: Double
    public var feedForward: Double
    public var heads: Double
    public var vocabulary: Double
    public var sequenceLength: Double

    public init(
      layers: Double, width: Double, feedForward: Double, heads: Double, vocabulary: Double, sequenceLength: Double
    ) {
      self.layers = layers
      self.width = width
      self.feedForward = feedForward
      self.heads = heads
      self.vocabulary = vocabulary
      self.sequenceLength = sequenceLength
    }

    /// Elements moved in a forward pass over that many tokens.
    public func elementsMoved(tokens: Double, isAttentionFused: Bool) -> Double {
      let attention = isAttentionFused ? 0 : 4 * tokens * sequenceLength * heads
      let layer =
        22 * tokens * width + 4 * tokens * feedForward + attention + 4 * width * width + 2 * width * feedForward
      return layers * layer + 2 * tokens * width + vocabulary * width + tokens * vocabulary
    }
  }
}
