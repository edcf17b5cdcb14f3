//! What the numbers were measured on.

use std::process::Command;

/// One line a fact, as a Markdown list.
#[must_use]
pub fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "- CPU: {}, {cores} of its threads; features: {}\n- {}, {}\n- ring {}\n",
        cpu(),
        features().join(" "),
        rustc(),
        if cfg!(debug_assertions) { "NOT optimised: use --release" } else { "optimised" },
        ring(),
    )
}

fn cpu() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let value = |key: &str| {
        let line = text.lines().find(|line| line.split(':').next().is_some_and(|name| name.trim() == key))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let Some(name) = value("model name") else { return std::env::consts::ARCH.to_owned() };
    let numbers: Vec<_> = ["cpu family", "model", "stepping"]
        .into_iter()
        .filter_map(|key| Some(format!("{} {}", key.trim_start_matches("cpu "), value(key)?)))
        .collect();
    format!("{name} ({})", numbers.join(", "))
}

/// Those that the primitives choose their code by.
fn features() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    {
        let known = [
            ("aes", is_x86_feature_detected!("aes")),
            ("pclmulqdq", is_x86_feature_detected!("pclmulqdq")),
            ("avx2", is_x86_feature_detected!("avx2")),
            ("vaes", is_x86_feature_detected!("vaes")),
            ("vpclmulqdq", is_x86_feature_detected!("vpclmulqdq")),
            ("avx512f", is_x86_feature_detected!("avx512f")),
            ("adx", is_x86_feature_detected!("adx")),
            ("bmi2", is_x86_feature_detected!("bmi2")),
            ("sha", is_x86_feature_detected!("sha")),
        ];
        known.into_iter().filter_map(|(name, is_there)| is_there.then_some(name)).collect()
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        vec!["not asked for on this architecture"]
    }
}

fn rustc() -> String {
    let output = Command::new("rustc").arg("--version").output();
    let version = output.ok().and_then(|output| String::from_utf8(output.stdout).ok());
    version.map_or_else(|| "rustc of an unknown version".to_owned(), |version| version.trim().to_owned())
}

/// The version of *ring* in the lock file that this was built with.
fn ring() -> &'static str {
    let lock = include_str!("../../../Cargo.lock");
    let version = lock.split_once("name = \"ring\"\nversion = \"").and_then(|(_, rest)| rest.split_once('"'));
    version.map_or("of an unknown version", |(version, _)| version)
}
