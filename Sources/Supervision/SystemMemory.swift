/// Memory of this machine.

import Foundation

public enum SystemMemory {
  /// Memory that new processes can have, in bytes.
  public static func available() -> Int {
    let lines = (try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8)) ?? ""
    for line in lines.split(separator: "\n") where line.hasPrefix("MemAvailable:") {
      if let kibibytes = Int(line.filter(\.isNumber)) { return kibibytes * 1024 }
    }
    return Int(ProcessInfo.processInfo.physicalMemory / 2)
  }
}
