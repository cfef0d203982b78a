/// What each group of tensors is multiplied by when a tuned base model grows to the target.
public struct MultiplierTable: Sendable, Equatable {
  /// Of one group. Relative to the base model, so all 1 at the base, or absolute where the table says so.
  public struct Row: Sendable, Equatable {
    public var group: LayerGroup
    /// Of the standard deviation of the initial weights.
    public var initialDeviation = 1.0
    /// Of the layer's output.
    public var forward = 1.0
    public var learningRate = 1.0
    public var weightDecay = 1.0
    /// Of Adam's ε.
    public var epsilon = 1.0
  }

  public var plan: MultiplierPlan
  public var decayRule: DecayRule
  /// Whether the numbers stand for themselves instead of multiplying the base model's.
  public var isAbsolute = false
  public var rows: [Row] = []
  /// Of the output of each residual branch.
  public var residualBranch = 1.0
  /// What q·k is multiplied by: a number, not a ratio; nil without attention.
  public var attentionScale: Double?
  /// 1 − (1 − β)·(batch ratio)/(token ratio) for Adam's decays; nil without such ratios.
  public var momentumRatio: Double?
  public var warnings: [String] = []

  /// - Throws: `ScalingError` for combinations that have no published rule.
  public init(_ plan: MultiplierPlan) throws(ScalingError) {
    self.plan = plan
    let p = plan.parameterisation
    switch (plan.decayRule, p) {
    case (let rule?, _): decayRule = rule
    case (nil, .standard), (nil, .aligned): decayRule = .constant
    case (nil, .unitScaled): decayRule = .independent
    case (nil, .maximalUpdate), (nil, .depth): decayRule = plan.optimizer == .sgd ? .constant : .linear
    }
    try check()
    for group in LayerGroup.list(from: plan.base, to: plan.target) { rows.append(row(group)) }
    if case .depth(let alpha) = p { residualBranch = _pow(depthRatio, -alpha) }
    if plan.target.kind == .transformer {
      let (base, target) = (Double(plan.base.headSize), Double(plan.target.headSize))
      switch p {
      case .standard, .aligned: attentionScale = 1 / target.squareRoot()
      case .maximalUpdate, .depth: attentionScale = base.squareRoot() / target
      case .unitScaled: attentionScale = 1 / target
      }
    }
    isAbsolute = p == .unitScaled
    extendToBatchAndTokens()
    warn()
  }

  public var widthRatio: Double { Double(plan.target.width) / Double(plan.base.width) }
  public var depthRatio: Double { Double(plan.target.layers) / Double(plan.base.layers) }

  private func check() throws(ScalingError) {
    guard plan.base.kind == plan.target.kind else {
      throw ScalingError("the base model is a \(plan.base.kind.rawValue) and the target a \(plan.target.kind.rawValue)")
    }
    if plan.optimizer == .muon, plan.muonScaling == nil {
      throw ScalingError(
        "Muon needs the scaling of its updates: spectral (√max(1, rows/cols)), matched (0.2·√max(rows, cols)) or table "
          + "(muP's own); the three differ by √m each")
    }
    if case .depth(let alpha) = plan.parameterisation {
      guard alpha >= 0.5, alpha <= 1 else {
        throw ScalingError(
          "the exponent of depth is \(shown(alpha)); it must lie between 0.5 (depth-muP) and 1 (CompleteP)")
      }
      if alpha > 0.5, plan.optimizer == .sgd {
        throw ScalingError("CompleteP is a rule for AdamW; with SGD use depth-muP")
      }
    }
    for (name, ratio) in [("batch", plan.batchRatio), ("token", plan.tokenRatio)] {
      guard let ratio else { continue }
      try requirePositive(ratio, "the \(name) ratio")
      guard plan.parameterisation == .completeP else {
        throw ScalingError("a \(name) ratio has a rule with CompleteP only: leave it out, or use complete-p")
      }
    }
    if let batch = plan.batchRatio ?? (plan.tokenRatio == nil ? nil : 1), batch / (plan.tokenRatio ?? 1) >= 10 {
      throw ScalingError(
        "a batch \(shown(batch)) times as large for \(shown(plan.tokenRatio ?? 1)) times the tokens would make beta1 = 0.9 "
          + "zero or less")
    }
  }

  private func row(_ group: LayerGroup) -> Row {
    var row = Row(group: group)
    let m = group.ratio
    switch plan.parameterisation {
    case .standard:
      if group.role == .hidden || group.role == .output { row.initialDeviation = _pow(m, -0.5) }
    case .aligned(let family, let alignment): align(&row, AlignmentExponents(family, alignment), m)
    case .maximalUpdate: scale(&row, m, alpha: nil)
    case .depth(let alpha): scale(&row, m, alpha: alpha)
    case .unitScaled: unitScale(&row)
    }
    return decayed(row, m)
  }

  private func align(_ row: inout Row, _ exponents: AlignmentExponents, _ m: Double) {
    let (layer, g): (WidthExponents, Double)
    switch row.group.role {
    case .input: (layer, g) = (exponents.input, exponents.gradient.input)
    case .hidden: (layer, g) = (exponents.hidden, exponents.gradient.hidden)
    case .output: (layer, g) = (exponents.output, exponents.gradient.output)
    case .norm, .bias:
      // Inputs without their forward multiplier.
      let a = exponents.input.a
      (layer, g) = (WidthExponents(a: 0, b: 0, c: exponents.input.c + a), exponents.gradient.input - a)
    }
    row.initialDeviation = _pow(m, -layer.b)
    row.forward = _pow(m, -layer.a)
    row.epsilon = _pow(m, -g)
    var c = layer.c
    switch plan.optimizer {
    case .adam, .adamw: break
    // A step is the gradient, n^−g, times the rate; under Adam it is the rate alone.
    case .sgd: (c, row.epsilon) = (c - g, 1)
    case .adafactor: (c, row.epsilon) = (plan.scalesByParameter ? c - layer.b : c, 1)
    case .muon:
      if row.group.role == .hidden {
        row.learningRate = plan.muonScaling?.rate(m) ?? 1
        row.epsilon = 1
        return
      }
    }
    row.learningRate = _pow(m, -c)
  }

  private func scale(_ row: inout Row, _ m: Double, alpha: Double?) {
    let role = row.group.role
    let depth = row.group.isInBlock ? alpha.map { _pow(depthRatio, $0 - 1) } ?? 1 : 1
    if role == .hidden { row.initialDeviation = _pow(m, -0.5) }
    if role == .output { row.forward = 1 / m }
    switch plan.optimizer {
    case .sgd:
      switch role {
      case .input, .norm, .bias, .output: row.learningRate = m
      case .hidden: row.learningRate = row.group.fanOut / row.group.baseFanOut / m
      }
      return
    case .muon where role == .hidden: row.learningRate = (plan.muonScaling?.rate(m) ?? 1) * depth
    case .adafactor where plan.scalesByParameter:
      row.learningRate = (role == .hidden ? _pow(m, -0.5) : 1) * depth
    default: row.learningRate = (role == .hidden ? 1 / m : 1) * depth
    }
    let hasEpsilon = plan.optimizer == .adam || plan.optimizer == .adamw || (plan.optimizer == .muon && role != .hidden)
    if hasEpsilon, row.group.isInBlock || plan.scalesEveryEpsilon {
      // A gain for each dimension of a head sums over heads, so that its gradient does not shrink with the width.
      let width = row.group.name == "qk_norm" ? 1 : 1 / widthRatio
      row.epsilon = width * (alpha.map { _pow(depthRatio, -$0) } ?? 1)
    }
  }

  private func unitScale(_ row: inout Row) {
    let group = row.group
    let depth = group.isInBlock ? 1 / Double(plan.target.layers).squareRoot() : 1
    switch group.role {
    case .input: row.learningRate = 1 / group.fanOut.squareRoot()
    case .hidden:
      row.forward = 1 / group.fanIn.squareRoot()
      row.learningRate = 1 / group.fanIn.squareRoot()
    case .output: row.forward = 1 / group.fanIn
    case .norm, .bias: break
    }
    row.learningRate *= depth
  }

  private func decayed(_ input: Row, _ m: Double) -> Row {
    var row = input
    let role = row.group.role
    if plan.parameterisation == .unitScaled {
      // The decay is to be independent of the rate, and optimisers multiply by it.
      row.weightDecay = decayRule == .independent ? 1 / row.learningRate : 1
      return row
    }
    var isPlain = role == .norm || role == .bias
    if case .depth = plan.parameterisation, isPlain { row.weightDecay = 0 }
    if decayRule == .sqrt {
      isPlain = isPlain || role == .input
      if isPlain { row.weightDecay = 0 }
    }
    if plan.optimizer == .sgd {
      if decayRule == .linear { row.weightDecay /= row.learningRate }
      return row
    }
    guard role == .hidden else { return row }
    // Of Muon the rate's own ratio counts, which need not be 1/m.
    let ratio = plan.optimizer == .muon ? 1 / (plan.muonScaling?.rate(m) ?? 1) : m
    switch decayRule {
    case .constant, .independent: break
    case .sqrt: row.weightDecay = ratio.squareRoot()
    case .linear: row.weightDecay = ratio
    }
    return row
  }

  private mutating func extendToBatchAndTokens() {
    guard plan.batchRatio != nil || plan.tokenRatio != nil else { return }
    let ratio = (plan.batchRatio ?? 1) / (plan.tokenRatio ?? 1)
    momentumRatio = ratio
    for i in rows.indices {
      let m = rows[i].group.ratio
      if rows[i].group.role == .output {
        // The same network with the multiplier moved into the weights.
        rows[i].initialDeviation = 1 / m
        rows[i].forward = 1
        rows[i].learningRate = 1 / m
        rows[i].weightDecay = m
      }
      if rows[i].group.role == .input { rows[i].epsilon = 1 / m }
      rows[i].learningRate *= ratio.squareRoot()
      rows[i].weightDecay *= ratio.squareRoot()
      rows[i].epsilon /= ratio.squareRoot()
    }
  }

  private mutating func warn() {
    if case .standard = plan.parameterisation, widthRatio != 1 {
      warnings.append(
        "under the standard parameterisation the best rate falls with the width: sweep it again, or use another")
    }
    switch plan.parameterisation {
    case .maximalUpdate, .depth:
      warnings.append(
        "trainable gains of norms made transfer unreliable (Lingle, arXiv 2404.05728): freeze them or lower their rate")
      if plan.target.kind == .transformer, plan.base.headSize != plan.target.headSize {
        warnings.append("the head size changes: attention needs the scale 1/d given here, not 1/√d")
      }
      if plan.base.width < 128 {
        warnings.append("base widths below 128 were not tested in the published studies of transfer")
      }
    default: break
    }
    if case .maximalUpdate = plan.parameterisation, depthRatio != 1 {
      warnings.append("the depth changes, and muP has no rule for it: use complete-p")
    }
    if case .aligned = plan.parameterisation, depthRatio != 1 {
      warnings.append("the depth changes, and these exponents are of the width alone")
    }
    if plan.target.kind == .transformer, plan.parameterisation != .unitScaled,
      plan.base.feedForward * plan.target.width != plan.target.feedForward * plan.base.width
    {
      warnings.append("the ratio of feed-forward width to width changes; it was held fixed where transfer was shown")
    }
    if plan.optimizer == .muon {
      warnings.append("the rules for Muon contradict each other: a transfer check is mandatory")
      if case .depth = plan.parameterisation {
        warnings.append("no source has Muon's rate follow the depth; AdamW's factor is used")
      }
    }
    if case .depth(let alpha) = plan.parameterisation, alpha == 0.5, plan.optimizer == .sgd {
      warnings.append("not confirmed by a primary source: depth-muP's rate under SGD")
    }
    if decayRule != .constant {
      warnings.append("a width rule and a decay computed from a timescale exclude each other: use one of them")
    }
  }

  /// Adam's decay rate at the target: 1 − (1 − β)·(batch ratio)/(token ratio).
  public func beta(_ base: Double) -> Double { momentumRatio.map { 1 - (1 - base) * $0 } ?? base }
}
