"""The page's theme: system fonts, quiet colours; style.css dresses what stands on the page."""

from __future__ import annotations

import gradio as gr

SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Liberation Sans", "Arial", "sans-serif")
MONO = ("ui-monospace", "SF Mono", "Consolas", "Liberation Mono", "monospace")
ACCENT = gr.themes.Color(
    "#eef6f8", "#d6e9ee", "#aed3dd", "#7fb6c6", "#4d95aa", "#2c788f", "#1f6177", "#1a4f62", "#173f4f", "#12303d",
    "#0b1f28", name="accent",
)  # fmt: skip


def build_theme() -> gr.themes.Base:
    """Nothing is fetched for it: every font is one that the visitor's system has."""
    return gr.themes.Base(
        primary_hue=ACCENT,
        neutral_hue=gr.themes.colors.slate,
        radius_size=gr.themes.sizes.radius_md,
        font=SANS,
        font_mono=MONO,
    ).set(
        body_background_fill="#f6f7f9",
        body_background_fill_dark="#12161b",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_shadow="none",
        input_background_fill="#ffffff",
        input_background_fill_dark="#1b2129",
        input_border_color="#c9d0d8",
        input_border_color_dark="#3a4451",
        input_border_width="1px",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_500",
        button_primary_background_fill_hover_dark="*primary_600",
        button_primary_text_color="#ffffff",
    )
