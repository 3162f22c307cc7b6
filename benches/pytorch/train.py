"""Does one training step for every input line, in eager mode: `train.py MODEL IMAGES THREADS|cuda daad|daad+`."""

import sys
from time import perf_counter

import torch
import torch.nn.functional as F

import images
import protocol
from network import Model

model, pixels, device, system = sys.argv[1:]
device = protocol.device(device)
model = Model(model)
x = images.read(pixels, model.size_px).to(device)
generator, discriminator = (part.to(device).train() for part in (model.generator, model.discriminator))
learning_rate = {"daad": 1e-4, "daad+": 2e-4}[system]
generator_adam = torch.optim.Adam(generator.parameters(), lr=learning_rate)
discriminator_adam = torch.optim.Adam(discriminator.parameters(), lr=learning_rate)


def daad():
    loss = F.mse_loss(generator(x), x)
    update(generator_adam, 50 * loss)
    return {"reconstruction": loss.item()}


def daad_plus():
    discriminator.requires_grad_(False)
    x_hat = generator(x)
    features_fake, logits_fake = discriminator(x_hat)
    features_real, _ = discriminator(x)
    reconstruction = F.mse_loss(x_hat, x)
    adversarial = F.softplus(-logits_fake).mean()
    alignment = F.mse_loss(features_fake, features_real)
    update(generator_adam, 50 * reconstruction + 0.5 * adversarial + 0.5 * alignment)

    discriminator.requires_grad_(True)
    _, logits_real = discriminator(x)
    _, logits_fake = discriminator(x_hat.detach())
    entropy = F.softplus(-logits_real).mean() + F.softplus(logits_fake).mean()
    update(discriminator_adam, entropy)
    losses = {"reconstruction": reconstruction, "adversarial": adversarial, "alignment": alignment, "discriminator": entropy}
    return {name: loss.item() for name, loss in losses.items()}


def update(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def step():
    start = perf_counter()
    losses = (daad_plus if system == "daad+" else daad)()
    protocol.finish(device)
    return {"seconds": perf_counter() - start, "losses": losses}


protocol.answer(step)
