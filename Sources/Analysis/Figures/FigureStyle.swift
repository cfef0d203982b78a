/// What all figures share: colours and type.
enum FigureStyle {
  static let colourCount = 8

  /// Colours of methods, chosen by search so that any two are at least 28 apart in CIELAB for normal sight and for
  /// protanopia, deuteranopia and tritanopia (simulated as in Machado, Oliveira & Fernandes, "A physiologically-based
  /// model for simulation of color vision deficiency", IEEE TVCG 15(6), 2009), with a contrast of at least 3 to the paper.
  static let light = ["#0A36E6", "#E47801", "#35A68A", "#8B0DA4", "#AF683B", "#7B8EBC", "#832132", "#5D3866"]
  static let dark = ["#8467FD", "#DD7802", "#35FAA4", "#E18EF1", "#FEDB0D", "#B6E5E6", "#E6454E", "#937892"]

  /// Style sheets of figures alone and of pages; class names begin with `tt` so as not to touch anything else.
  static let css: String = {
    var css = """
      .tt { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; }
      .tt text { fill: #1c1f24; }
      .tt .tt-title { font-size: 15px; font-weight: 600; }
      .tt .tt-soft { fill: #5a6270; }
      .tt .tt-note { fill: #5a6270; font-size: 11px; }
      .tt .tt-grid { stroke: #dfe3e8; fill: none; }
      .tt .tt-faint { stroke: #eef0f3; fill: none; }
      .tt .tt-axis { stroke: #5a6270; fill: none; }
      .tt .tt-ink { stroke: #1c1f24; fill: none; }
      .tt .tt-dot { fill: #1c1f24; }
      .tt .tt-line { fill: none; stroke-width: 2; stroke-linejoin: round; }
      .tt .tt-band { fill-opacity: 0.15; stroke: none; }
      .tt .tt-paper { fill: #ffffff; }
      .tt .tt-halo { stroke: #ffffff; }

      """
    css += colours(light, other: "#5a6270")
    let darkCSS = """
      .tt text { fill: #e6e8eb; }
      .tt .tt-soft, .tt .tt-note { fill: #a3abb8; }
      .tt .tt-grid { stroke: #363c46; }
      .tt .tt-faint { stroke: #262b33; }
      .tt .tt-axis { stroke: #a3abb8; }
      .tt .tt-ink { stroke: #e6e8eb; }
      .tt .tt-dot { fill: #e6e8eb; }
      .tt .tt-band { fill-opacity: 0.22; }
      .tt .tt-paper { fill: #16181d; }
      .tt .tt-halo { stroke: #16181d; }

      """
    css += "@media screen and (prefers-color-scheme: dark) {\n\(darkCSS)\(colours(dark, other: "#a3abb8"))}\n"
    return css
  }()

  private static func colours(_ colours: [String], other: String) -> String {
    let named = colours.enumerated().map { (String($0), $1) } + [("x", other)]
    return named.map { name, colour in ".tt .tt-s\(name) { stroke: \(colour); } .tt .tt-f\(name) { fill: \(colour); }\n"
    }
    .joined()
  }
}

/// Which colour and dashes stand for which method: the same in every figure that is drawn with it.
public struct MethodStyles: Sendable, Equatable {
  /// In the order of their colours. Beyond eight, colours come again with dashes.
  public let methods: [String]

  /// - Parameter methods: all methods of a report, in an order that stays the same from report to report. Of equal names
  ///   the first counts.
  public init(_ methods: [String]) { self.methods = methods }

  /// The part of a class name after `tt-s` and `tt-f`; a method that is not listed is grey.
  func colour(_ method: String) -> String {
    methods.firstIndex(of: method).map { String($0 % FigureStyle.colourCount) } ?? "x"
  }

  /// The value of `stroke-dasharray`; nil for a solid line.
  func dashes(_ method: String) -> String? {
    guard let place = methods.firstIndex(of: method) else { return nil }
    return [nil, "7 3", "2 2", "9 3 2 3"][place / FigureStyle.colourCount % 4]
  }
}
