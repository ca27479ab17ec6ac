//! The prompt: the terms to look for, the number of matches of each, and the least confidence a
//! match needs.

use leptos::{ev, prelude::*};
use segscape::{
    instances::query::{Guess, Term},
    text::{
        meaning::Meaning,
        prompt::{self, ListedTerm},
    },
};

use super::{
    endpoint::AskModel,
    icon::{Glyph, Icon},
};
use crate::{
    browser,
    numbers::megabytes,
    page::{actions, editing, prompts, state::State},
    protocol::Related,
    text::{counted, said, said_around, said_with, tr},
    view::palette::{css, label_color},
};

/// The prompt box, its chips and the threshold.
#[component]
pub fn Prompt() -> impl IntoView {
    let state = State::expect();
    let text = state.prompt;
    let on_submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        prompts::remember(state, &text.get_untracked());
        actions::ask(state, &text.get_untracked());
    };
    let on_key = move |event: ev::KeyboardEvent| {
        let steps = match event.key().as_str() {
            "ArrowUp" => prompts::step(state, true),
            "ArrowDown" => prompts::step(state, false),
            _ => false,
        };
        if steps {
            event.prevent_default();
        }
    };
    let nothing_yet = move || !state.is_segmented();
    let asked_before = RwSignal::new(false);
    view! {
        <section class="prompt">
            <form class="prompt-box" role="search" on:submit=on_submit>
                <Glyph icon=Icon::Search />
                <input
                    id="prompt"
                    class="field"
                    type="search"
                    autocomplete="off"
                    spellcheck="false"
                    enterkeyhint="search"
                    placeholder=tr("chair, table, or a question")
                    aria-label=tr("English names of objects to look for, separated by commas or full stops, or a question such as: the chair next to the window")
                    data-testid="prompt-input"
                    disabled=nothing_yet
                    prop:value=text
                    on:input=move |event| actions::ask_while_typing(state, &event_target_value(&event))
                    on:change=move |event| prompts::remember(state, &event_target_value(&event))
                    on:keydown=on_key
                />
                <button
                    type="button"
                    class="button quiet square toggle"
                    aria-label=tr("Asked before")
                    title=tr("What was asked before (↑ in the empty prompt)")
                    aria-expanded=move || asked_before.get().to_string()
                    aria-pressed=move || asked_before.get().to_string()
                    aria-controls="asked-before"
                    data-testid="asked-before-button"
                    disabled=nothing_yet
                    on:click=move |_| asked_before.update(|open| *open = !*open)
                >
                    <Glyph icon=Icon::Clock />
                </button>
            </form>
            <AskedBefore open=asked_before />
            <Chips />
            <Answered />
            <Unfinished />
            <Examples />
            <Threshold />
        </section>
    }
}

/// The prompts that were asked before, to ask again, and whether the browser keeps them.
#[component]
fn AskedBefore(open: RwSignal<bool>) -> impl IntoView {
    let state = State::expect();
    let again = move |prompt: String| {
        let (words, title) = (prompt.clone(), prompt.clone());
        let ask = move |_| {
            open.set(false);
            prompts::remember(state, &prompt);
            actions::ask(state, &prompt);
        };
        view! {
            <li><button title=title on:click=ask>{words}</button></li>
        }
    };
    let none = move || state.prompts.with(|prompts| prompts.all().is_empty());
    let all = move || {
        let prompts = state.prompts.get();
        prompts.all().iter().cloned().map(again).collect_view()
    };
    let close = move |event: ev::KeyboardEvent| {
        if event.key() == "Escape" {
            event.stop_propagation();
            open.set(false);
            browser::focus("prompt");
        }
    };
    view! {
        <div class="asked" id="asked-before" data-testid="asked-before" hidden=move || !open.get() on:keydown=close>
            <p class="muted" hidden=move || !none()>{tr("Nothing was asked so far.")}</p>
            <ul aria-label=tr("Asked before")>{all}</ul>
            <div class="bar">
                <label class="choice">
                    <input
                        type="checkbox"
                        data-testid="keep-prompts"
                        prop:checked=move || state.preferences.with(|kept| kept.keep_prompts)
                        on:change=move |event| state.preferences.update(|kept| kept.keep_prompts = event_target_checked(&event))
                    />
                    {tr("Keep these in this browser")}
                </label>
                <button
                    class="button small quiet"
                    data-testid="forget-prompts"
                    disabled=none
                    on:click=move |_| prompts::forget(state)
                >
                    {tr("Clear")}
                </button>
            </div>
        </div>
    }
}

/// The steps by which a question was answered, and what was found; or why it is not understood.
#[component]
fn Answered() -> impl IntoView {
    let state = State::expect();
    let related = Memo::new(move |_| state.answer.with(|answer| answer.as_ref()?.related.clone()));
    let step = |(index, sentence): (u32, String), emptied_by: Option<u32>| {
        let is_empty = emptied_by == Some(index);
        view! {
            <li class:empty=is_empty>
                {sentence}
                {is_empty.then(|| view! { " " <strong>{tr("Here nothing is left.")}</strong> })}
            </li>
        }
    };
    let answered = move || {
        let Related {
            found,
            steps,
            emptied_by,
            refused,
            by,
        } = related.get()?;
        if let Some(refused) = refused {
            return Some(
                view! {
                    <p class="not-found" data-testid="refused">
                        <span role="status">{said_with("No answer: {reason}.", &[("reason", &refused)])}</span>
                        <AskModel />
                    </p>
                }
                .into_any(),
            );
        }
        let count = match found.len() {
            0 => said("Nothing found").to_owned(),
            count => counted(count, "1 thing found", "{n} things found"),
        };
        let by = by.map(|model| {
            let by = said_with("by {model}", &[("model", &model)]);
            view! { <span class="muted">" " {by}</span> }
        });
        let steps = (0..).zip(steps);
        let steps = steps.map(|numbered| step(numbered, emptied_by));
        Some(
            view! {
                <div class="answered" data-testid="answered">
                    <p role="status" data-testid="found">{count} {by}</p>
                    <ol data-testid="steps">{steps.collect_view()}</ol>
                    <button class="button small" on:click=move |_| actions::ask(state, "")>
                        {tr("Show all things")}
                    </button>
                </div>
            }
            .into_any(),
        )
    };
    view! { {answered} }
}

/// Questions that can be asked, for who has not asked anything so far.
const EXAMPLES: [&str; 6] = [
    "the chair next to the window",
    "the two largest boxes on the floor",
    "the lamp between the bed and the table",
    "tables wider than 80 cm",
    "the highest thing on the table",
    "something to sit on",
];

/// What can be asked, with examples to press.
#[component]
fn Examples() -> impl IntoView {
    let state = State::expect();
    let ask = move |question: &'static str| {
        prompts::remember(state, question);
        actions::ask(state, question);
    };
    let example = move |question: &'static str| {
        view! {
            <li>
                <button on:click=move |_| ask(question)>{question}</button>
            </li>
        }
    };
    let is_idle = move || {
        state.is_segmented()
            && state.prompt.with(|prompt| prompt.trim().is_empty())
            && state.like().is_none()
    };
    view! {
        <details class="examples" data-testid="examples" hidden=move || !is_idle()>
            <summary class="muted">{tr("What can I ask?")}</summary>
            <p class="muted">
                {tr("Names of things, as many as you like: chair, table, lamp. A minus or \u{201c}not\u{201d} leaves out what a name fits better: chair, -stool, not bench. Or one question about how things lie to each other:")}
            </p>
            <ul>{EXAMPLES.map(example).collect_view()}</ul>
            <p class="muted">
                {tr("next to, on, under, above, in, touching, between, nearest to, farthest from; numbers, sizes, comparisons with lengths or other things; larger than, wider than … What is in \u{201c}quotation marks\u{201d} is a name. Left, right and in front depend on where you stand and are not understood.")}
            </p>
        </details>
    }
}

/// What the list shows of a term, or what a negative one leaves out.
#[derive(Clone, Debug, Default, PartialEq)]
struct Matches {
    /// The instances.
    ids: Vec<u32>,
    /// The best of their confidences.
    best: f32,
    /// If `true`, at least one of them is drawn.
    shown: bool,
}

/// One chip per term, with its count and best score, followed by the reason and the nearest instances for each term
/// without a match, and by the reason why a term may be misunderstood.
#[component]
fn Chips() -> impl IntoView {
    let state = State::expect();
    let terms = Memo::new(move |_| {
        state.answer.with(|answer| {
            answer
                .as_ref()
                .map_or_else(Vec::new, |answer| answer.labels.terms.clone())
        })
    });
    let matches = Memo::new(move |_| {
        let mut matches = vec![Matches::default(); terms.with(Vec::len)];
        state.rows.with(|rows| {
            for row in rows {
                let term = row.term.and_then(|term| matches.get_mut(term as usize));
                if let Some(term) = term {
                    term.ids.push(row.id);
                    term.best = term.best.max(row.confidence);
                    term.shown |= row.shown;
                }
            }
        });
        let (labels, instances) = (state.labels.read(), state.instances.read());
        let least = if labels.seeks() {
            state.threshold.get()
        } else {
            0.0
        };
        for ((id, label), instance) in (0..).zip(&labels.of_instance).zip(&*instances) {
            let exists = !instance.superpoints.is_empty() && label.confidence >= least;
            let is_left_out = exists && labels.left_out_by(label).is_some();
            let term = label.term.filter(|_| is_left_out);
            if let Some(term) = term.and_then(|term| matches.get_mut(term as usize)) {
                term.ids.push(id);
            }
        }
        matches
    });
    let like = Memo::new(move |_| state.like());
    let of = move |index: usize| matches.with(|all| all.get(index).cloned().unwrap_or_default());
    let chips = move || {
        let listed = terms.with(|terms| {
            let listed = |term: &Term| ListedTerm {
                name: term.name.clone(),
                negative: term.negative,
            };
            terms.iter().map(listed).collect::<Vec<_>>()
        });
        let is_words = like.get().is_none();
        let chip = |(index, term): (usize, ListedTerm)| {
            let others = listed.iter().filter(|other| **other != term && is_words);
            let others: Vec<_> = others.cloned().collect();
            view! { <TermChip term others matches=Memo::new(move |_| of(index)) /> }
        };
        listed
            .clone()
            .into_iter()
            .enumerate()
            .map(chip)
            .collect_view()
    };
    let missing = move || {
        let missing = |(index, term): (usize, Term)| {
            let none = of(index).ids.is_empty() && !term.negative;
            let doubtful = matches!(term.meaning, Meaning::Unknown(_));
            (none || doubtful).then(|| view! { <NotFound index term /> })
        };
        terms
            .get()
            .into_iter()
            .enumerate()
            .filter_map(missing)
            .collect_view()
    };
    view! {
        <ul class="chips" aria-label=tr("Terms of the prompt") hidden=move || terms.with(Vec::is_empty)>
            {chips}
            <li class="took muted">
                {move || state.answer.with(|answer| answer.as_ref().map(|answer| format!("{:.0} ms", answer.ms)))}
            </li>
        </ul>
        {missing}
        <p class="visually-hidden" role="status">
            {move || {
                let found = |(term, matches): (&Term, &Matches)| {
                    let count = matches.ids.len();
                    match term.negative {
                        true => said_with("left out: {count} {name}", &[("count", &count), ("name", &term.name)]),
                        false => format!("{count} {}", term.name),
                    }
                };
                terms.with(|terms| matches.with(|matches| terms.iter().zip(matches).map(found).collect::<Vec<_>>().join(", ")))
            }}
        </p>
    }
}

/// A term with what the list shows of it: buttons hide and show these things, and stop looking. A
/// negative term has the number of things that it leaves out.
#[component]
fn TermChip(
    term: ListedTerm,
    /// The other terms of the prompt.
    others: Vec<ListedTerm>,
    matches: Memo<Matches>,
) -> impl IntoView {
    let state = State::expect();
    let ListedTerm { name, negative } = term;
    let color = css(label_color(&name));
    let label = {
        let name = name.clone();
        move || match negative {
            true => said_with("Leave out {name} no longer", &[("name", &name)]),
            false => said_with("Stop looking for {name}", &[("name", &name)]),
        }
    };
    let count = if negative {
        tr("Things left out")
    } else {
        tr("Things found")
    };
    let named = StoredValue::new(name.clone());
    let hide = move || {
        named.with_value(|name| match matches.get().shown {
            true => said_with("Hide every {name}", &[("name", name)]),
            false => said_with("Show every {name}", &[("name", name)]),
        })
    };
    let none = move || matches.get().ids.is_empty();
    let nothing_shown = move || negative || none();
    view! {
        <li class="chip" class:none=none class:negative=negative data-testid="chip">
            <span class="dot" style:--color=color hidden=negative></span>
            {negative.then(|| view! { {tr("not")} " " })}
            <span class="name">{name}</span>
            <span class="count" title=count>{move || matches.get().ids.len()}</span>
            <span class="best" title=tr("The best score") hidden=nothing_shown>
                {move || format!("{:.2}", matches.get().best)}
            </span>
            <button
                aria-label=hide
                title=hide
                hidden=nothing_shown
                data-testid="chip-eye"
                on:click=move |_| editing::toggle_all_hidden(state, &matches.get_untracked().ids)
            >
                {move || match matches.get().shown {
                    true => view! { <Glyph icon=Icon::Eye /> },
                    false => view! { <Glyph icon=Icon::EyeOff /> },
                }}
            </button>
            <button aria-label=label on:click=move |_| actions::ask(state, &prompt::join(&others))>
                <Glyph icon=Icon::Close />
            </button>
        </li>
    }
}

/// Shows the unfinished terms that Enter would add to the search, and what a link or a file asks for
/// that takes a download.
#[component]
fn Unfinished() -> impl IntoView {
    /// Number of terms that are listed.
    const LISTED: usize = 3;
    let state = State::expect();
    let words = move || {
        state.answer.with(|answer| {
            let unfinished = answer
                .as_ref()
                .map_or(&[] as &[String], |answer| answer.unfinished.as_slice());
            let listed = unfinished.iter().take(LISTED);
            let listed = listed.map(|term| format!("\u{201c}{term}\u{201d}"));
            let listed = listed.collect::<Vec<_>>().join(", ");
            match unfinished.len().saturating_sub(LISTED) {
                0 => listed,
                more => said_with(
                    "{terms} and {count} more",
                    &[("terms", &listed), ("count", &more)],
                ),
            }
        })
    };
    let offer = move || {
        let download = state.answer.with(|answer| answer.as_ref()?.download);
        match download {
            Some(bytes) => view! {
                <span>
                    {tr("This came with a search that takes a download.")}
                    " "
                    <button
                        class="button small"
                        type="button"
                        data-testid="look-for"
                        on:click=move |_| actions::ask(state, &state.prompt.get_untracked())
                    >
                        {move || {
                            said_with(
                                "Look for {words} \u{2013} downloads {size}",
                                &[("words", &words()), ("size", &megabytes(bytes))],
                            )
                        }}
                    </button>
                </span>
            }
            .into_any(),
            None => view! {
                <span>{move || said_around("{Enter} looks for {words}", |place| match place {
                    "Enter" => view! { <kbd>{place}</kbd> }.into_any(),
                    _ => words.into_any(),
                })}</span>
            }
            .into_any(),
        }
    };
    view! {
        <p class="not-found" data-testid="unfinished" hidden=move || words().is_empty()>
            {offer}
        </p>
    }
}

/// States why a term has no match and offers the nearest instances, or why what it matches is
/// doubtful.
#[component]
fn NotFound(index: usize, term: Term) -> impl IntoView {
    let state = State::expect();
    let Term {
        name,
        meaning,
        nearest,
        ..
    } = term;
    let reason = move || {
        let threshold = state.threshold.get();
        let missing = state.answer.with(|answer| {
            let missing = answer.as_ref()?.labels.not_found(index, threshold)?;
            Some(missing.to_string())
        });
        match (missing, &meaning) {
            (Some(missing), _) if state.like().is_some() => said_with(
                "Nothing {name}: {reason}.",
                &[("name", &name), ("reason", &missing)],
            ),
            (Some(missing), _) => said_with(
                "No {name}: {reason}.",
                &[("name", &name), ("reason", &missing)],
            ),
            (None, Meaning::Unknown(doubt)) => format!("{name}: {doubt}."),
            (None, _) => String::new(),
        }
    };
    let offer = (!nearest.is_empty()).then(|| view! { " " {tr("Nearest:")} });
    let guesses = nearest.iter().map(|guess| guess_button(state, guess));
    let guesses = guesses.collect_view();
    view! {
        <p class="not-found">
            <span>{reason} {offer} <span class="nearest">{guesses}</span></span>
        </p>
    }
}

/// A button that shows a guess. Its name is the one in the list.
fn guess_button(state: State, guess: &Guess) -> impl IntoView + use<> {
    let Guess {
        instance,
        confidence,
        ..
    } = *guess;
    let given = state
        .edits
        .with_untracked(|edits| edits.present().names.get(&instance).cloned());
    let found = || {
        state.answer.with_untracked(|answer| {
            let labels = &answer.as_ref()?.labels.of_instance;
            Some(labels.get(instance as usize)?.name.clone())
        })
    };
    let name = given
        .or_else(found)
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| said_with("instance {number}", &[("number", &(instance + 1))]));
    let text = if confidence < 0.005 {
        name
    } else {
        format!("{name} ({confidence:.2})")
    };
    view! {
        " "
        <button on:click=move |_| actions::show_guess(state, instance)>{text}</button>
    }
}

#[component]
fn Threshold() -> impl IntoView {
    let state = State::expect();
    view! {
        <label class="threshold">
            <span>{tr("Threshold")}</span>
            <input
                type="range"
                min="0"
                max="1"
                step="0.01"
                aria-label=tr("Threshold: lowest score of the instances shown")
                data-testid="threshold"
                disabled=move || state.instances.with(Vec::is_empty)
                prop:value=move || state.threshold.get().to_string()
                on:input=move |event| {
                    if let Ok(threshold) = event_target_value(&event).parse() {
                        state.threshold.set(threshold);
                    }
                }
            />
            <output>{move || format!("{:.2}", state.threshold.get())}</output>
        </label>
    }
}
