// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "./IERC20.sol";

/// @title Constant-product market of two tokens
/// @notice The pair is itself an ERC-20: its tokens are shares of the two reserves. The functions that change
/// reserves act on what was sent to the pair beforehand, so callers go through a router, which does both in one
/// transaction and holds prices to a limit.
interface IAmmPair is IERC20 {
    /// @notice Liquidity was added: both amounts came in and `shares` were created for `to`.
    event Mint(address indexed sender, uint256 amount0, uint256 amount1, uint256 shares, address indexed to);

    /// @notice Liquidity was taken out: `shares` were destroyed and both amounts went to `to`.
    event Burn(address indexed sender, uint256 amount0, uint256 amount1, uint256 shares, address indexed to);

    /// @notice A trade: what came in of each token and what went out to `to`.
    event Swap(
        address indexed sender,
        uint256 amount0In,
        uint256 amount1In,
        uint256 amount0Out,
        uint256 amount1Out,
        address indexed to
    );

    /// @notice The reserves are now these.
    event Sync(uint112 reserve0, uint112 reserve1);

    /// @notice A function was entered again while it ran.
    error Reentered();
    /// @notice A pair needs two different tokens, the lower address first.
    error UnorderedTokens(address token0, address token1);
    /// @notice The amounts added are worth no share, or a first deposit does not exceed the locked minimum.
    error InsufficientLiquidityAdded(uint256 amount0, uint256 amount1, uint256 shares);
    /// @notice The shares sent in are worth nothing of at least one token.
    error InsufficientLiquidityRemoved(uint256 shares, uint256 amount0, uint256 amount1);
    /// @notice Nothing was asked for, or not less than the reserve.
    error InsufficientReserves(uint256 amount0Out, uint256 amount1Out, uint256 reserve0, uint256 reserve1);
    /// @notice Tokens cannot be sent out to one of the pair's own tokens.
    error InvalidRecipient(address to);
    /// @notice Nothing was paid.
    error NothingPaid();
    /// @notice After the fee of 0.3 %, the product of reserves would fall from `before` to `afterwards` (both · 10⁶).
    error ProductDecreased(uint256 before, uint256 afterwards);
    /// @notice A balance is beyond what a reserve can record.
    error ReserveOverflow(uint256 balance0, uint256 balance1, uint256 max);

    /// @notice The token with the lower address.
    function token0() external view returns (address);

    /// @notice The token with the higher address.
    function token1() external view returns (address);

    /// @notice Both reserves as of the last change.
    function reserves() external view returns (uint112 reserve0, uint112 reserve1);

    /// @notice Creates shares for `to` out of what was sent to the pair beyond its reserves. The first deposit locks
    /// a small amount of shares forever.
    /// @return shares Shares created for `to`.
    function mint(address to) external returns (uint256 shares);

    /// @notice Destroys the shares that the pair holds of itself and sends their part of both reserves to `to`.
    /// @return amount0 Amount sent of the first token.
    /// @return amount1 Amount sent of the second token.
    function burn(address to) external returns (uint256 amount0, uint256 amount1);

    /// @notice Sends out what is asked for, provided that enough was sent in to pay for it with the fee of 0.3 %.
    function swap(uint256 amount0Out, uint256 amount1Out, address to) external;
}
