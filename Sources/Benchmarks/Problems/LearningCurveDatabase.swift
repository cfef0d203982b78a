import TrimtabSearchSpaces
import TrimtabStudies

/// The learning curves of LCDB: the accuracy of learners trained on more and more data, and what the training took.
///
/// A problem has one parameter, `learner`. The fidelity is the number of the training size on the learner's own curve, from 1: a
/// learner that failed at some sizes has a shorter curve, and stays at its end. A configuration is judged by its accuracy on test
/// data at its largest size. Training on more data starts anew, so costs are those of one training at the size, made
/// non-decreasing.
///
/// Source: Mohr, Viering, Loog & van Rijn, "LCDB 1.0: an extensive learning curves database for classification tasks", ECML PKDD
/// 2022.
struct LearningCurveDatabase: Sendable {
  struct Point: Sendable {
    var size: Int
    var valid: Float
    var test: Float
    var seconds: Float
  }

  struct Learner: Sendable {
    var name: String
    /// Sizes increase.
    var points: [Point]
  }

  static let columns = ["openmlid", "learner", "size_train", "accuracy_valid", "accuracy_test", "train_seconds"]

  /// By OpenML number, in the order of the file.
  private(set) var datasets: [(id: String, learners: [Learner])] = []

  /// Reads comma-separated values without quotes, whose first line names the columns.
  /// - Throws: `ProblemError` with the line.
  init(csv text: String, path: String) throws(ProblemError) {
    var places: [Int] = []
    var positions: [String: Int] = [:]
    var number = 0
    var width = 0
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      number += 1
      let cells = line.trimmingSuffix("\r").split(separator: ",", omittingEmptySubsequences: false)
      if number == 1 {
        width = cells.count
        for column in Self.columns {
          guard let place = cells.firstIndex(of: Substring(column)) else {
            throw ProblemError("the column '\(column)' is missing", at: "\(path):1")
          }
          places.append(place)
        }
        continue
      }
      if line.isEmpty { continue }
      let place = "\(path):\(number)"
      guard cells.count == width else {
        throw ProblemError("the line has \(cells.count) values, not \(width)", at: place)
      }
      func cell<Value: LosslessStringConvertible>(_ column: Int, _: Value.Type) throws(ProblemError) -> Value {
        guard let value = Value(String(cells[places[column]])) else {
          throw ProblemError("'\(cells[places[column]])' is no \(Self.columns[column])", at: place)
        }
        return value
      }
      let id = String(cells[places[0]])
      let point = Point(
        size: try cell(2, Int.self), valid: try cell(3, Float.self), test: try cell(4, Float.self),
        seconds: try cell(5, Float.self))
      guard point.valid.isFinite, point.test.isFinite, point.seconds >= 0, point.seconds.isFinite else {
        throw ProblemError("an accuracy or a time is no finite number", at: place)
      }
      let position = positions[id] ?? datasets.count
      if position == datasets.count {
        positions[id] = position
        datasets.append((id, []))
      }
      let learner = String(cells[places[1]])
      let found = datasets[position].learners.firstIndex { $0.name == learner }
      if let found {
        guard let last = datasets[position].learners[found].points.last, last.size < point.size else {
          throw ProblemError("the sizes of \(learner) do not increase", at: place, hint: "sort the lines by size")
        }
        datasets[position].learners[found].points.append(point)
      } else {
        datasets[position].learners.append(Learner(name: learner, points: [point]))
      }
    }
    guard !datasets.isEmpty else { throw ProblemError("there are no curves", at: path) }
  }

  /// The curves of one dataset as a table; nil when it is not among them.
  func table(_ id: String, name: String) throws(ProblemError) -> Table? {
    guard let learners = datasets.first(where: { $0.id == id })?.learners else { return nil }
    let longest = learners.map(\.points.count).max() ?? 0
    func array(_ value: (Point) -> Float) -> TableArray {
      TableArray(
        values: learners.flatMap { learner in
          (0..<longest).map { value(learner.points[min($0, learner.points.count - 1)]) }
        }, rowStride: longest, resourceStride: 1)
    }
    var costs = array(\.seconds)
    Table.accumulate(&costs, rows: learners.count, seeds: 1, resources: longest, isCumulative: true)
    let space: Space
    do {
      space = try Space([.categorical("learner", learners.map(\.name))])
    } catch {
      throw ProblemError(error.description, at: name)
    }
    return Table(
      name: name, space: space, configurations: learners.indices.map { Configuration(slots: [Double($0)]) },
      fidelityName: "size_index", resources: (1...longest).map(Double.init), continuesTraining: false,
      measures: [
        Table.Measure(
          objective: Objective(metric: "accuracy_valid", goal: .maximize), values: array(\.valid),
          scores: array(\.test))
      ], costUnit: "s", costs: costs)
  }
}

extension Substring {
  fileprivate func trimmingSuffix(_ suffix: String) -> Substring {
    hasSuffix(suffix) ? dropLast(suffix.count) : self
  }
}
